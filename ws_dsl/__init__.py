"""A declarative language for experiments on language models, with a registry of what they made."""

__version__ = "0.1.0"
