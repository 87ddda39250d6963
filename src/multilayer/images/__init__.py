"""Images in: data sets, folders, files."""
