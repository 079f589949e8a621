"""Parts of weight differences, kept or dropped."""
