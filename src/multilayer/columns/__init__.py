"""What the columns of a table are, and how people write their values."""
