"""The plan of batches, against what it promises for any lengths."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from likewise.encoding.batching import BUDGET_TOKENS, pad, plan, round_up

LENGTHS = st.lists(st.integers(1, 300), max_size=400).map(lambda lengths: np.array(lengths, np.int64))


@given(LENGTHS, st.sampled_from([16, 200, BUDGET_TOKENS]))
def test_a_plan_holds_each_row_once_padded_by_its_own_length_within_the_budget(lengths, budget):
    batches = list(plan(lengths, budget_tokens=budget, limit=300))
    assert sorted(row for batch in batches for row in batch.rows.tolist()) == list(range(len(lengths)))
    assert [batch.tokens for batch in batches] == sorted((batch.tokens for batch in batches), reverse=True)
    for batch in batches:
        for length in lengths[batch.rows].tolist():
            assert length <= batch.tokens == min(round_up(length), 300)  # whatever stands beside it
        assert 1 <= len(batch.rows) <= batch.height
        assert batch.height * batch.tokens <= budget or batch.height == 1


def test_any_amount_of_text_passes_through_few_shapes():
    lengths = np.random.default_rng(1).integers(3, 257, 200_000)
    assert len({(batch.height, batch.tokens) for batch in plan(lengths, limit=256)}) <= 160
    for tokens in (4, 32, 33, 128, 256):
        heights = {b.height for n in range(1, 300) for b in plan(np.full(n, tokens), limit=256)}
        assert len(heights) <= 15
        filled = [sum(b.height for b in plan(np.full(n, tokens), limit=256)) / n for n in range(1, 300)]
        assert max(filled) < 2
        assert np.mean(filled) < 1.2


@given(st.integers(1, 1000))
def test_rounding_up_never_shortens_and_wastes_little(length):
    assert 0 <= round_up(length) - length <= max(3, length / 4)
    assert round_up(round_up(length)) == round_up(length)


@given(st.lists(st.lists(st.integers(1, 9), min_size=1, max_size=6), min_size=1, max_size=5), *[st.integers(0, 8)] * 2)
def test_padding_keeps_every_row_and_marks_what_is_real(rows, tokens, height):
    ids, mask = pad([np.array(row, np.int64) for row in rows], tokens=tokens, height=height)
    assert ids.shape == mask.shape == (max(height, len(rows)), max([tokens, *map(len, rows)]))
    for row, its_ids, its_mask in zip(rows, ids, mask, strict=False):
        assert its_ids.tolist() == row + [0] * (len(its_ids) - len(row))
        assert its_mask.tolist() == [1] * len(row) + [0] * (len(its_ids) - len(row))
    assert (mask[len(rows) :].sum(axis=1) == 1).all()
    assert not ids[len(rows) :].any()


def test_words_of_characters_are_padded_too():
    rows = [np.arange(1, 7).reshape(2, 3), np.full((1, 3), 9)]
    ids, mask = pad(rows, height=3)
    assert ids.tolist() == [[[1, 2, 3], [4, 5, 6]], [[9, 9, 9], [0, 0, 0]], [[0, 0, 0], [0, 0, 0]]]
    assert mask.tolist() == [[1, 1], [1, 0], [1, 0]]
