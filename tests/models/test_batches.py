"""Laws of canonical batches."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ws_dsl.models.batches import batches, padded, rows_per_batch

lengths = st.integers(1, 40_000)


@given(lengths)
def test_padding_is_short_and_settled(length: int):
    longer = padded(length)
    assert length <= longer <= length + max(7, length / 8)
    assert longer % 8 == 0
    assert padded(longer) == longer


@given(lengths)
def test_batches_hold_eight_rows_or_more(length: int):
    rows = rows_per_batch(padded(length))
    assert rows % 8 == 0
    assert 8 <= rows <= 32


@given(st.lists(st.integers(1, 300), max_size=120))
def test_every_row_runs_once_in_a_batch_of_its_own_shape(found: list[int]):
    made = list(batches(found))
    assert sorted(index for batch in made for index in batch.indices) == list(range(len(found)))
    for batch in made:
        assert {padded(found[index]) for index in batch.indices} == {batch.length}
        assert batch.rows == rows_per_batch(batch.length) >= len(batch.indices)
