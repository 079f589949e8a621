"""Conditions on results that fail a study or warn."""
