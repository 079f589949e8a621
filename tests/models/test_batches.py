"""Laws of packs and of canonical batches."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ws_dsl.models.batches import batches, packs, padded, rows_per_batch

lengths = st.integers(1, 40_000)


@given(st.lists(st.integers(1, 300), max_size=120), st.sampled_from([128, 256, 512]))
def test_every_row_runs_once_in_a_pack_that_follows_from_its_own_length(found: list[int], room: int):
    made = list(packs(found, room))
    assert sorted(index for pack in made for index in pack.indices) == list(range(len(found)))
    for pack in made:
        inside = [found[index] for index in pack.indices]
        assert pack.rows == 1 and sum(inside) <= pack.length
        if max(inside) <= room:
            assert pack.length == room
        else:
            assert len(inside) == 1 and pack.length == -(-inside[0] // 8) * 8


@given(st.lists(st.integers(1, 128), max_size=120))
def test_what_comes_later_did_not_fit_before(found: list[int]):
    made = [[found[index] for index in pack.indices] for pack in packs(found, 128)]
    for place, pack in enumerate(made):
        assert all(128 - sum(pack) < later for others in made[place + 1 :] for later in others)


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
