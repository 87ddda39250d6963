"""Files in, arrays out: image data sets, single pictures and splits."""
