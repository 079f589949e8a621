"""Edits under which rows are measured."""
