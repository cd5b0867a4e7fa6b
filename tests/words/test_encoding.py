"""Sentences as places: machine code that cuts and looks up lines, and blocks, against Python."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from likewise.words._encoding import encode_blocks
from likewise.words.vocabulary import Words, count_words

LETTERS = "aAbé猫Σ \t\n\x0b\x1c\x1f\x00\x85\xa0\u2003\u3000\ud800"  # of which eleven are white space to Python
LINES = st.lists(st.text(LETTERS, max_size=12), min_size=1, max_size=30)


def slowly(sentences, vocabulary, least):
    """Blocks as lists of places for each sentence, with the words of each."""
    block, words = [], 0
    for sentence in sentences:
        block.append(([vocabulary.places[word] for word in sentence if word in vocabulary.places], len(sentence)))
        words += len(sentence)
        if words >= least:
            yield block
            block, words = [], 0
    if block:
        yield block


def plain(block):
    sentences = np.split(block.ids, block.starts[1:-1])
    return [(ids.tolist(), int(count)) for ids, count in zip(sentences, block.words, strict=True)]


@settings(deadline=None)  # the first is compiled
@given(LINES.filter(lambda lines: any(map(str.split, lines))), st.integers(1, 9), st.booleans(), st.integers(0, 5))
def test_lines_and_lists_of_words_become_the_blocks_of_a_dictionary(lines, least, lowercase, skip):
    words = Words(lines, lowercase=lowercase)
    vocabulary = count_words(list(words)[::2] or list(words), min_count=1) if any(list(words)[::2]) else None
    vocabulary = vocabulary or count_words(words, min_count=1)
    expected = list(slowly(list(words)[skip:], vocabulary, least))
    for sentences in (words, list(words)):
        found = [plain(block) for block in encode_blocks(sentences, vocabulary, skip=skip, least=least)]
        assert found == expected


@pytest.mark.parametrize("least", [7, 40_000])
def test_a_block_does_not_depend_on_how_much_is_read_at_once(least):
    random = np.random.default_rng(0)
    names = [f"w{number}" for number in range(3000)]
    lines = [" ".join(random.choice(names, size=random.integers(0, 400))) for _ in range(400)]
    vocabulary = count_words(Words(lines[:200]), min_count=8)
    expected = list(slowly(Words(lines), vocabulary, least))
    assert len(vocabulary) < 3000
    assert [plain(block) for block in encode_blocks(Words(lines), vocabulary, skip=0, least=least)] == expected
