"""Canonical bytes and digests of plain values.

RFC 8785 JSON: equal values give equal bytes whatever the order of keys or the spelling of numbers in the file
(`1.0` is `1`, `-0.0` is `0`). Non-finite floats and lone surrogates are refused; text is not normalised, so
composed and decomposed letters differ. Integers beyond 2**53 − 1 are written as strings, tagged so that they
never equal a string of the same digits.
"""

# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false
# (what is written in a study is of any type until it is validated)

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TypeAlias

import rfc8785

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"

_EXACT = 2**53 - 1


def canonical(value: object) -> bytes:
    """RFC 8785 bytes of a JSON value.

    Raises:
        ValueError: a non-finite float, a lone surrogate, a key that is not a string, or no JSON value at all.
    """
    try:
        return rfc8785.dumps(_exact(value))  # pyright: ignore[reportArgumentType]
    except rfc8785.CanonicalizationError as error:
        raise ValueError(str(error)) from None


def digest(value: object) -> str:
    """SHA-256, in hex, of the canonical bytes of a JSON value."""
    return sha256(canonical(value))


def sha256(data: bytes) -> str:
    """SHA-256, in hex, of bytes."""
    return hashlib.sha256(data).hexdigest()


def _exact(value: object) -> object:
    if isinstance(value, bool) or value is None or isinstance(value, (str, float)):
        return value
    if isinstance(value, int):
        return value if -_EXACT <= value <= _EXACT else {"integer": str(value)}
    if isinstance(value, Mapping):
        return {key: _exact(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_exact(item) for item in value]
    raise ValueError(f"{type(value).__name__} has no canonical form")
