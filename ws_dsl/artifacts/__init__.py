"""The types of the grammar as they are in memory and at rest.

Every artifact is a set of named files plus `facts`, a small JSON summary kept in its manifest. Encoding is
deterministic: the same value always gives the same bytes.
"""
