"""Parameters trained on what was said, and the weights that they change."""
