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
import json
from collections.abc import Mapping
from typing import Any, TypeAlias

import rfc8785

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"

_EXACT = 2**53 - 1


def canonical(value: object) -> bytes:
    """RFC 8785 bytes of a JSON value.

    Raises:
        ValueError: a non-finite float, a lone surrogate, a key that is not a string, or no JSON value at all.
    """
    # json writes what RFC 8785 asks for, several times faster, but for what `_Unlike` stands for.
    try:
        return _LIKE_JSON.encode(value if _as_it_is(value) else _plain(value)).encode()
    except (_Unlike, UnicodeEncodeError):
        pass
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


class _Unlike(Exception):
    """A value that `json` writes otherwise: an exponent, a large integer, a key that is sorted otherwise."""


def _as_it_is(value: Any) -> bool:
    """Whether `json` writes a value rightly without a copy, as most values are."""
    kind = type(value)
    if kind is dict:
        for key, item in value.items():
            if type(key) is not str or not key.isascii():
                return False
            if type(item) is not str and item is not None and not _as_it_is(item):
                return False
        return True
    if kind is list or kind is tuple:
        return all(type(item) is str or _as_it_is(item) for item in value)
    if kind is int:
        return -_EXACT <= value <= _EXACT
    if kind is float:
        return not value.is_integer() and 1e-4 <= abs(value) < 1e16
    return kind is str or kind is bool or value is None


def _plain(value: Any) -> Any:
    """A value for `json`.

    Raises:
        _Unlike: it holds what only the slow way writes, or refuses.
    """
    kind = type(value)
    if kind is str or kind is bool or value is None:
        return value
    if kind is dict:
        if not all(type(key) is str and key.isascii() for key in value):
            raise _Unlike
        return {key: _plain(item) for key, item in value.items()}
    if kind is list or kind is tuple:
        return [_plain(item) for item in value]
    if kind is int and -_EXACT <= value <= _EXACT:
        return value
    if kind is float and value.is_integer() and abs(value) <= _EXACT:
        return int(value)
    if kind is float and not value.is_integer() and 1e-4 <= abs(value) < 1e16:
        return value
    raise _Unlike


_LIKE_JSON = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"), check_circular=False)
