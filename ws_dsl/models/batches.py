"""Which rows run together, so that a row's bits never depend on its neighbours.

The last bits of a matrix product depend on the shapes of its factors, and those of attention on the length
of what is attended to. Therefore every shape that a row goes through follows from its own length and the
model: a row computed alone, among others, in any order and at any place goes through the same arithmetic.
There are two ways.

Packs, for all that is measured: rows of any length follow one another in a single sequence of a fixed number
of tokens. Whatever works token by token sees that number; attention runs row by row, on rows as long as they
are (`ws_dsl.models.attention`). Only the last pack is filled up with tokens that nobody asked for.

Padded batches, where rows grow in step and where attention is not ours to run: lengths are padded up to a
bucket, and the number of rows in a batch is a function of that length alone; dummy rows fill the last batch
of a bucket.

Measured in float32 on an AMD EPYC with MKL, on random checkpoints of width 64: of 60 rows of 2 to 39 tokens,
23 to 33 change, by up to 4e-6, when all are padded to one length of 40, 64 or 128, or run alone and unpadded.
The number of rows in a batch, 1 to 64, changed no bit there (widths 64 to 1,024), which other processors need
not repeat.

The place in the batch matters where elementwise kernels compute the odd end of a thread's share with scalar
code: on three threads rows at the seams differ in the last bit, on one, two and four none does. Packs and
batches therefore hold a multiple of eight tokens, padded batches a multiple of eight rows, and
`Handle.threads` is a power of two.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple


class Batch(NamedTuple):
    """Rows that run together.

    Attributes:
        indices: Places of the rows in the sequence they came in.
        rows: Sequences that the model is given: 1 where rows follow one another; else the rows of the batch,
            dummy rows included.
        length: Tokens of every such sequence, those that nobody asked for included.
    """

    indices: list[int]
    rows: int
    length: int


def packs(lengths: Sequence[int], room: int) -> Iterator[Batch]:
    """Packs that hold every row once, the longest first, each filled by the longest that still fit.

    A row of more tokens than `room` has a pack of its own, filled up to a multiple of eight.
    """
    by_length: defaultdict[int, list[int]] = defaultdict(list)
    for index in reversed(range(len(lengths))):
        by_length[lengths[index]].append(index)
    sizes = sorted(by_length)
    while sizes:
        inside: list[int] = []
        left = room
        fitting = len(sizes)
        while fitting:
            size = sizes[fitting - 1]
            inside.append(by_length[size].pop())
            left -= size
            if not by_length[size]:
                del sizes[fitting - 1]
            fitting = bisect_right(sizes, left)
        yield Batch(inside, 1, max(room, -(-(room - left) // 8) * 8))


def padded(length: int) -> int:
    """Length of the batch that a row runs in: at most seven tokens or an eighth longer than the row."""
    step = max(8, 1 << length.bit_length() - 1 >> 3)
    return -(-length // step) * step


def rows_per_batch(length: int) -> int:
    """Rows of a batch of this padded length: about 2,048 tokens, between 8 and 32 rows, a multiple of 8."""
    return max(8, min(32, 2048 // length // 8 * 8))


def batches(lengths: Sequence[int]) -> Iterator[Batch]:
    """Padded batches that hold every row once, shorter rows first."""
    buckets: defaultdict[int, list[int]] = defaultdict(list)
    for index, length in enumerate(lengths):
        buckets[padded(length)].append(index)
    for length, indices in sorted(buckets.items()):
        rows = rows_per_batch(length)
        for start in range(0, len(indices), rows):
            yield Batch(indices[start : start + rows], rows, length)
