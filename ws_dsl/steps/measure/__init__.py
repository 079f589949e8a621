"""Numbers per row, read from a model's outputs."""
