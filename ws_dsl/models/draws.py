"""Random numbers that stay the same for good, named by what they are for."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ws_dsl.specs.canonical import digest


def gaussian(name: Sequence[int | str], rows: int, columns: int) -> np.ndarray:
    """Independent normal numbers, float64 of shape (rows, columns).

    Args:
        name: What they are for, such as a seed and an address; other names give independent numbers.
        rows: Rows.
        columns: Columns.

    Box and Muller, A note on the generation of random normal deviates, 1958.
    """
    # Raw Philox output is the same for good; numpy's own normal numbers may change with its version.
    stream = np.random.Philox(key=int(digest(list(name))[:32], 16)).random_raw(2 * rows * columns)
    first, second = ((stream >> np.uint64(11)) + 0.5).reshape(2, rows, columns) * 2.0**-53
    return np.sqrt(-2.0 * np.log(first)) * np.cos(2.0 * np.pi * second)


def orthonormal(name: Sequence[int | str], width: int, count: int) -> np.ndarray:
    """Orthonormal columns that span a uniformly drawn subspace, float64 of shape (width, count).

    The orthogonal factor of Gaussian numbers, with the signs that make it uniform: Mezzadri, How to generate
    random matrices from the classical compact groups, 2007.
    """
    found, triangular = np.linalg.qr(gaussian(name, width, count))
    return found * np.sign(np.diagonal(triangular))
