"""The kinds, one file each, in a folder per verb."""
