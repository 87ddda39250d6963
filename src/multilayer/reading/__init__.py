"""Files in, frames out: tables in every format that people have."""
