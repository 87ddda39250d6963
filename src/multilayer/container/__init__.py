"""One file with a JSON document and arrays, safe to read from a stranger.

Model files and checkpoints are such files. The layout is that of safetensors, so that other
programs can read the arrays; docs/model-file.md describes it in full. Reading runs nothing,
follows nothing, and believes nothing that is written in the file before it has been checked.
"""
