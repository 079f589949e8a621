"""Execution: what is missing is computed, committed and checked."""
