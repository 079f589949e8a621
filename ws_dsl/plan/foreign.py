"""Foreign: an artifact that stands for a cell and was made in another environment."""

from __future__ import annotations

from typing import NamedTuple


class Foreign(NamedTuple):
    """An artifact that came from elsewhere and differs from what is asked for in its environment alone.

    Attributes:
        key: Its key, under the environment that it was made in.
        digest: Its content digest.
        environment: The environment that it was made in.
        source: The file or address that it came from.
    """

    key: str
    digest: str
    environment: dict[str, str]
    source: str
