"""A pack: networks with drawn settings, mixed by what they add on held-out rows."""
