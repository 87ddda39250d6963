"""From rows to a model: preparation and training, in memory and in chunks."""
