"""Models, rows and the prompts made of them."""
