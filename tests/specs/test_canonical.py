"""Canonical bytes are those of RFC 8785, by whichever way they are written."""

from __future__ import annotations

from typing import Any

import pytest
import rfc8785
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ws_dsl.specs.canonical import canonical

NUMBERS = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**53) + 1, 2**53 - 1)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
PLAIN = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)


@given(PLAIN)
@example({"\U0001f600": 1, "\ufb33": 2, "€": 3})
@example(
    [1e-5, 1e-4, 9.999e-5, 1e16, 9007199254740991.0, 1e15 + 0.5, -0.0, 5e-324, 0.1, 1e21, 333333333.33333329]
)
@example('"\\\b\f\n\r\t\x00\x1f\x7f\u2028/')
@settings(max_examples=300)
@example(2.0**53)
@example(-(2.0**53) - 2)
def test_they_are_those_of_the_library(value: Any):
    assert canonical(value) == rfc8785.dumps(value)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"b": 1, "a": (1, 2)}, {"a": [1.0, 2], "b": 1.0}),
        (0.0, -0.0),
    ],
)
def test_equal_values_have_equal_bytes(one: Any, other: Any):
    assert canonical(one) == canonical(other)


def test_large_integers_are_told_from_their_digits():
    assert len({canonical(2**53), canonical(str(2**53)), canonical(2**53 - 1), canonical(2**53 + 1)}) == 4


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (float("nan"), "nan"),
        ({"a": [float("-inf")]}, "inf"),
        ("\ud800", "UTF-8"),
        ({1: 2}, "string"),
        ([object()], "object has no canonical form"),
    ],
)
def test_what_has_no_canonical_form_is_refused(value: Any, said: str):
    with pytest.raises(ValueError, match=said):
        canonical(value)
