"""What may be written: studies, kinds, references, axes, and their canonical bytes."""
