"""Words by their letters: what begins so, and what is spelt alike, as slow definitions have it."""

from hypothesis import given
from hypothesis import strategies as st

from likewise.storing.vocabulary import Vocabulary, Word

stems = st.sets(st.text("abcé中𐐷", min_size=1, max_size=7), max_size=12)


def vocabulary_of(stems) -> Vocabulary:
    return Vocabulary([Word(stem, number, len(stem) % 3 + 1) for number, stem in enumerate(sorted(stems))])


def grams(word: str) -> set[str]:
    """Pairs and triples of neighbours in no order, with an end on both sides."""
    ended = f"#{word}#"
    return {"".join(sorted(ended[i : i + n])) for n in (2, 3) for i in range(len(ended) - n + 1)}


@given(stems, st.text("abcé中𐐷", max_size=3))
def test_words_that_begin_so_come_the_most_frequent_first(stems, letters):
    found = [word.stem for word in vocabulary_of(stems).beginning(letters)]
    assert found == sorted((s for s in stems if s.startswith(letters)), key=lambda stem: (-(len(stem) % 3 + 1), stem))


@given(stems, st.text("abcé中𐐷", min_size=1, max_size=7), st.sampled_from([0.2, 0.5, 1.0]))
def test_alikeness_is_the_share_of_grams_in_common(stems, asked, at_least):
    expected = {}
    for stem in stems:
        ours, theirs = grams(stem), grams(asked)
        share = 2 * len(ours & theirs) / (len(ours) + len(theirs))
        if share >= at_least and share > 0:
            expected[stem] = share
    found = vocabulary_of(stems).alike(asked, at_least=at_least)
    assert {word.stem: share for word, share in found} == expected
    order = [(-share, -word.chunks, word.stem) for word, share in found]
    assert order == sorted(order)


def test_two_letters_that_changed_places_alter_less_than_two_others():
    words = vocabulary_of(["getusername", "getuserxyme", "setting"])
    (first, alike), (second, less) = words.alike("getusernmae", at_least=0.5)
    assert (first.stem, second.stem) == ("getusername", "getuserxyme")
    assert alike > 0.75 > less


def test_an_empty_vocabulary_has_nothing():
    nothing = Vocabulary([])
    assert (len(nothing), nothing.beginning("a"), nothing.alike("a", at_least=0.1)) == (0, [], [])
