"""The types of the grammar, as markers: what a reference may point to.

The values themselves are in `ws_dsl.artifacts`.
"""

from __future__ import annotations


class Type:
    """Base of all types; a step whose type is `Type` itself gives what it was given."""


class Rows(Type):
    """Items with key columns, typed columns and a unit of resampling."""


class Prompts(Type):
    """Rows rendered as token ids."""


class States(Type):
    """Activations per row."""


class Vectors(Type):
    """Directions in activation space."""


class Basis(Type):
    """Orthonormal bases in weight space."""


class Sites(Type):
    """Components of a model."""


class Model(Type):
    """A checkpoint."""


class Adapter(Type):
    """Trained parameters."""


class Delta(Type):
    """A factored fp32 weight difference."""


class Arm(Type):
    """An intervention."""


class Table(Type):
    """Observations per row."""


class Estimate(Type):
    """Statistics per cell."""


class TableOrEstimate(Table, Estimate):
    """What a kind gives that follows its input: a Table of Tables, an Estimate of Estimates."""


class Choice(Type):
    """One label per remaining cell."""


class Finding(Type):
    """The outcome of a check."""
