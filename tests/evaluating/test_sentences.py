"""Sentences to probe with: filled whole, and what one says the other denies by few words."""

import re
from collections import Counter

import pytest

from likewise.evaluating.robustness.sentences import deeds, mixtures, statements


def words(text):
    return re.findall(r"\w+", text.lower())


@pytest.mark.parametrize("seed", range(5))
def test_statements_are_filled_and_denied_by_few_words(seed):
    found = statements(seed=seed)
    assert Counter(one.kind for one in found) == {
        "not": 120,
        "opposite": 48,
        "number": 32,
        "all or none": 32,
        "verb": 40,
    }
    for one in found:
        texts = [one.says, one.also, one.denies] + [one.also_denies] * (one.kind == "not")
        assert len(set(texts)) == len(texts)
        assert all(re.fullmatch(r"[A-Z][\w ,']+\.", text) for text in texts)
        own, other = Counter(words(one.says)), Counter(words(one.denies))
        assert (own - other).total() <= 3 and (other - own).total() <= 3
        assert (Counter(words(one.also)) - own).total() >= 2  # other words indeed
        assert ("not" in words(one.denies)) == (one.kind == "not")
        assert bool(one.also_denies) == (one.kind == "not")
    assert len({one.says for one in found}) == len(found)


def test_statements_of_a_template_differ_in_their_fillers_alone():
    few, many = statements(each=1), statements(each=4)
    assert few == many[::4]
    assert [one.template for one in many] == [i for i in range(68) for _ in range(4)]
    assert statements(seed=1) != many == statements()


def test_deeds_swap_two_people_and_keep_all_words():
    found = deeds()
    assert Counter(one.verb for one in found) == dict.fromkeys(range(30), 8)
    for one in found:
        assert Counter(words(one.active)) == Counter(words(one.swapped_active))
        assert Counter(words(one.passive)) == Counter(words(one.swapped_passive))
        first, second = words(one.active)[1], words(one.active)[-1]
        assert first != second
        assert words(one.passive)[1] == words(one.swapped_active)[1] == second
        assert words(one.swapped_passive)[1] == first
    assert deeds(seed=1) != found == deeds()


def test_mixtures_change_one_noun():
    found = mixtures()
    assert Counter(one.language for one in found) == dict.fromkeys(("de", "es", "fr"), 96)
    assert Counter(one.noun for one in found) == dict.fromkeys(range(24), 12)
    for one in found:
        for changed in (one.mixed, one.other):
            assert sum(left != right for left, right in zip(one.english.split(), changed.split(), strict=True)) == 1
    english = {one.other for one in found} | {one.english for one in found}
    assert not english & {one.mixed for one in found}
    assert mixtures(seed=1) != found == mixtures()
