"""Changed texts: typos against what a typo is, and the order of words against counts of them."""

import re
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from likewise.errors import SettingError, UnknownNameError
from likewise.evaluating.robustness.changing import CASES, TYPOS, misspell, shuffle_words, swap_neighbours

SENTENCES = [
    "The swimming pool is open on Wednesday.",
    "Italian is a language that her brother knows!",
    "WHERE did they leave the Keys?",
    "Every bookkeeper needs three little committees",
]
KEYBOARD = ["qwertyuiop", "asdfghjkl", "zxcvbnm"]
BESIDE = {frozenset(row[i : i + 2]) for row in KEYBOARD for i in range(len(row) - 1)}


def is_typo(kind, word, wrong):
    """Whether one mistake of the kind makes the one of the other, its first letter kept."""
    if wrong[0] != word[0]:
        return False
    if kind == "double":
        return any(word[:i] + word[i] + word[i:] == wrong for i in range(len(word)))
    if kind == "drop":
        return any(word[:i] + word[i + 1 :] == wrong for i in range(len(word)))
    differing = [i for i, (left, right) in enumerate(zip(word, wrong, strict=True)) if left != right]
    if kind == "swap":
        i, j = differing
        return (j, word[i], word[j]) == (i + 1, wrong[j], wrong[i])
    (i,) = differing
    return frozenset((word[i] + wrong[i]).lower()) in BESIDE and word[i].isupper() == wrong[i].isupper()


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("kind", TYPOS)
@pytest.mark.parametrize("share", [0.01, 1 / 3, 1.0])
def test_typos_are_of_their_kind_and_as_many_as_asked_for(kind, share, seed):
    for text in SENTENCES:
        wrong = misspell(text, kind, share=share, seed=seed)
        pairs = list(zip(re.findall(r"\w+", text), re.findall(r"\w+", wrong), strict=True))
        changed = [(word, other) for word, other in pairs if word != other]
        long_words = sum(len(word) >= 4 for word, _ in pairs)
        assert len(changed) == max(1, round(share * long_words))
        assert all(len(word) >= 4 and is_typo(kind, word, other) for word, other in changed)
        assert re.sub(r"\w+", "", text) == re.sub(r"\w+", "", wrong)


def test_typos_hang_on_text_and_seed_alone():
    first = [misspell(text, "drop", seed=1) for text in SENTENCES]
    assert first == [misspell(text, "drop", seed=1) for text in reversed(SENTENCES)][::-1]
    assert first != [misspell(text, "drop", seed=2) for text in SENTENCES]


def test_where_a_kind_has_no_room_a_letter_is_doubled():
    assert misspell("aaaa", "swap") == "aaaaa"
    assert is_typo("double", "éèêë", misspell("éèêë", "neighbour"))  # keys that an English keyboard lacks


@pytest.mark.parametrize("text", ["", "a cat", "1234 5678", "???", "汉字"])
def test_texts_without_a_long_word_keep_their_spelling(text):
    assert {misspell(text, kind) for kind in TYPOS} == {text}


@pytest.mark.parametrize("share", [0, -1, 1.1, float("nan")])
def test_wrong_shares_are_refused(share):
    with pytest.raises(SettingError, match="share is"):
        misspell("some words", "drop", share=share)
    with pytest.raises(UnknownNameError, match=r"no kind of typo named 'drops'\. Did you mean 'drop'"):
        misspell("some words", "drops")


@given(st.text(), st.integers(0, 5))
def test_any_text_can_be_changed_and_keeps_its_words(text, seed):
    shuffled, swapped = shuffle_words(text, seed=seed), swap_neighbours(text, seed=seed)
    body = text.rstrip(" .!?")
    if len(set(body.split())) < 2:
        assert shuffled == text
    else:
        ending = text[len(body) :]
        assert shuffled.endswith(ending)
        assert Counter(shuffled.removesuffix(ending).split()) == Counter(body.split())
        assert shuffled.split() != text.split()
    if swapped != text:
        before, after = text.split(), swapped.split()
        places = [i for i, (left, right) in enumerate(zip(before, after, strict=True)) if left != right]
        assert (len(places), places[1] - places[0], min(places) > 0, max(places) < len(before) - 1) == (
            2,
            1,
            True,
            True,
        )
        assert [before[i] for i in places] == [after[i] for i in reversed(places)]
    for kind in TYPOS:
        assert len(misspell(text, kind, seed=seed).split()) == len(text.split())


@pytest.mark.parametrize("text", ["", "one", "one two", "one two three", "go go go go go", "a B b c"])
def test_sentences_without_two_inner_words_that_differ_are_not_swapped(text):
    assert swap_neighbours(text) == text


def test_cases():
    text = "Is the museum open?"
    assert {name: change(text) for name, change in CASES.items()} == {
        "lower": "is the museum open?",
        "upper": "IS THE MUSEUM OPEN?",
        "title": "Is The Museum Open?",
        "alternating": "iS ThE MuSeUm oPeN?",
    }
