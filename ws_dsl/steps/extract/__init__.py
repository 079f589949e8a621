"""Activations of a model, and the directions and components found in them."""
