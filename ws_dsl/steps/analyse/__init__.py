"""Statistics of measured rows."""
