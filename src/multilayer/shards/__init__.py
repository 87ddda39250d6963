"""Encoded rows of a table on disk, in shards: made by several processes, read by the training."""
