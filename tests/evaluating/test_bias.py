"""Associations of words: their definitions, written out slowly, and what was planted is found."""

import gzip
import json
from itertools import combinations

import numpy as np
import pytest

from likewise.errors import DataError, SettingError
from likewise.evaluating.bias import TEMPLATES, WordTest, look_up, read_word_tests, ripa, seat, weat

# Lists of our own. The published ones may not be kept here: their licence is not a free one.
PLANTS, PESTS = ("rose", "tulip", "orchid", "daisy", "violet"), ("wasp", "flea", "maggot", "cockroach", "louse")
NICE, NASTY = ("lovely", "happy", "delight", "gentle"), ("horrible", "filth", "hate", "disgusting")
TEST = WordTest(name="plants", targets=(PLANTS, PESTS), attributes=(NICE, NASTY))


def planted(strength, *, seed=0, width=30):
    """Word vectors in which the plants lean towards the nice words by so much, and the pests the other way."""
    random = np.random.default_rng(seed)
    lean = random.normal(size=width)
    signs = dict.fromkeys((*PLANTS, *NICE), 1) | dict.fromkeys((*PESTS, *NASTY), -1)
    return {
        word: (random.normal(size=width) + sign * (strength if word in (*PLANTS, *PESTS) else 2) * lean).astype("f4")
        for word, sign in signs.items()
    }


def cosine(left, right):
    left, right = left.astype(np.float64), right.astype(np.float64)
    return left @ right / np.linalg.norm(left) / np.linalg.norm(right)


def worth(vector, nice, nasty):
    return np.mean([cosine(vector, one) for one in nice]) - np.mean([cosine(vector, one) for one in nasty])


def slow_weat(source):
    """Effect and one-sided p-value as the paper defines them, but counting the partition as given."""
    ends = [[source[word] for word in words] for words in (NICE, NASTY)]
    values = {word: worth(source[word], *ends) for word in (*PLANTS, *PESTS)}
    means = [np.mean([values[word] for word in words]) for words in (PLANTS, PESTS)]
    effect = (means[0] - means[1]) / np.std(list(values.values()), ddof=1)

    def statistic(first):
        return sum(value if word in first else -value for word, value in values.items())

    partitions = [statistic(first) for first in combinations(values, 5)]
    return effect, np.mean([one >= statistic(PLANTS) - 1e-12 for one in partitions]), values


@pytest.mark.parametrize("strength", [0.0, 0.3, 1.0])
def test_weat_is_its_definition(strength):
    source = planted(strength)
    effect, p_value, values = slow_weat(source)
    found = weat(TEST, source)
    assert found.exact
    assert found.missing == ()
    assert found.effect == pytest.approx(effect)
    assert found.p_one_sided == pytest.approx(p_value)
    assert found.values == pytest.approx(values)


def test_a_planted_association_is_found_and_its_mirror_is_too():
    found = weat(TEST, planted(1.0))
    mirrored = WordTest(name="pests", targets=(PESTS, PLANTS), attributes=(NICE, NASTY))
    turned = weat(mirrored, planted(1.0))
    assert found.effect > 1.5
    assert found.p_one_sided == 1 / 252  # of all 10 over 5 partitions this one has the greatest sum
    assert found.p_value == 2 / 252
    assert turned.effect == pytest.approx(-found.effect)
    assert (turned.p_one_sided, turned.p_value) == (1.0, found.p_value)


def test_sampled_partitions_agree_with_all_of_them():
    source = planted(0.0, seed=3)
    exact, sampled = weat(TEST, source), weat(TEST, source, partitions=251)
    assert exact.exact
    assert not sampled.exact
    assert sampled.effect == exact.effect
    assert sampled.p_one_sided == pytest.approx(exact.p_one_sided, abs=0.08)
    assert sampled == weat(TEST, source, partitions=251)
    assert sampled.p_one_sided != weat(TEST, source, partitions=251, seed=1).p_one_sided


def test_p_values_are_uniform_where_there_is_nothing_to_find():
    found = []
    for seed in range(300):
        random = np.random.default_rng(seed)
        source = {word: random.normal(size=10) for word in (*PLANTS, *PESTS, *NICE, *NASTY)}
        found.append(weat(TEST, source).p_one_sided)
    share = np.arange(1, len(found) + 1) / len(found)
    assert np.abs(np.sort(found) - share).max() < 1.36 / np.sqrt(len(found))  # Kolmogorov and Smirnov's, at .05


def test_words_without_a_vector_are_left_out_and_named():
    source = planted(1.0)
    fewer = WordTest(
        name="fewer",
        targets=((*PLANTS, "Rose"), PESTS[:4]),
        attributes=((*NICE, "lovely day"), NASTY),
    )
    found = weat(fewer, source)
    assert found.missing == ("Rose", "lovely day")
    assert set(found.values) == {*PLANTS, *PESTS[:4]}
    assert found.exact


def test_seat_counts_sentences_for_the_effect_and_words_for_the_p_value(encoder):
    found = seat(TEST, encoder)
    sentences = {word: [template.replace("{}", word) for template in TEMPLATES] for word in (*PLANTS, *PESTS)}
    ends = [
        encoder.encode([template.replace("{}", word) for word in words for template in TEMPLATES], role="document")
        for words in (NICE, NASTY)
    ]
    values = {
        word: [worth(vector, *ends) for vector in encoder.encode(texts, role="document")]
        for word, texts in sentences.items()
    }
    groups = [[value for word in words for value in values[word]] for words in (PLANTS, PESTS)]
    effect = (np.mean(groups[0]) - np.mean(groups[1])) / np.std(groups[0] + groups[1], ddof=1)
    assert found.effect == pytest.approx(effect, abs=1e-5)
    assert found.values == pytest.approx({word: np.mean(one) for word, one in values.items()}, abs=1e-6)
    assert found.effect > 1
    assert found.p_one_sided == 1 / 252  # of words: of 60 sentences there would be far more partitions


def test_weat_with_an_encoder_reads_words_as_they_stand(encoder):
    words = [*PLANTS, *PESTS, *NICE, *NASTY]
    vectors = dict(zip(words, encoder.encode(words, role="document"), strict=True))
    assert weat(TEST, encoder).effect == pytest.approx(weat(TEST, vectors).effect, abs=1e-4)


def test_ripa_is_the_product_with_the_direction_of_a_pair():
    source = planted(0.8)
    found = ripa((PLANTS, PESTS), [("lovely", "horrible")], source)
    direction = source["lovely"].astype(float) - source["horrible"]
    expected = {word: source[word] @ direction / np.linalg.norm(direction) for word in (*PLANTS, *PESTS)}
    assert found.values == pytest.approx(expected)
    assert found.effect > 1
    longer = {word: vector * (10 if word in PLANTS else 1) for word, vector in source.items()}
    again = ripa((PLANTS, PESTS), [("lovely", "horrible")], longer)
    assert again.values["rose"] == pytest.approx(10 * found.values["rose"])  # no cosine: lengths count


def test_ripa_of_several_pairs_goes_along_what_they_share():
    random = np.random.default_rng(4)
    shared = np.eye(20)[7]
    source = {word: random.normal(size=20) for word in (*PLANTS, *PESTS)}
    pairs = [(f"high {i}", f"low {i}") for i in range(8)]
    for high, low in pairs:
        middle = random.normal(size=20)
        source |= {high: middle + 3 * shared + random.normal(scale=0.1, size=20), low: middle}
    found = ripa((PLANTS, PESTS), [*pairs, ("high 1", "nowhere")], source)
    assert found.values == pytest.approx({word: source[word][7] for word in (*PLANTS, *PESTS)}, abs=0.3)
    assert found.missing == ("nowhere",)
    turned = ripa((PLANTS, PESTS), [(low, high) for high, low in pairs], source)
    assert turned.effect == pytest.approx(-found.effect)


def test_look_up_keeps_the_order_and_leaves_out_what_is_unknown():
    known, vectors = look_up(["b", "x", "a"], {"a": np.array([1.0, 2]), "b": np.array([3.0, 4])})
    assert known == ["b", "a"]
    assert vectors.tolist() == [[3, 4], [1, 2]]
    assert look_up(["x"], {"a": np.array([1.0])})[0] == []


@pytest.mark.parametrize("name", ["tests.jsonl", "tests.jsonl.gz"])
def test_published_files_of_tests_are_read(tmp_path, name):
    row = {"test": "plants"} | {
        key: {"category": key, "examples": list(words)}
        for key, words in zip(("targ1", "targ2", "attr1", "attr2"), (PLANTS, PESTS, NICE, NASTY), strict=True)
    }
    text = json.dumps(row).encode() + b"\n"
    (tmp_path / name).write_bytes(gzip.compress(text) if name.endswith(".gz") else text)
    assert read_word_tests(tmp_path / name) == [TEST]
    (tmp_path / "bad.jsonl").write_bytes(text + b'{"test": "half", "targ1": {"examples": ["rose"]}}\n')
    with pytest.raises(DataError, match=r"bad.jsonl, line 2: no column named 'targ2.examples'"):
        read_word_tests(tmp_path / "bad.jsonl")


def changed(**lists):
    return WordTest(**({"name": "bad", "targets": TEST.targets, "attributes": TEST.attributes} | lists))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: weat(changed(targets=(("Rose", "Tulip", "lily"), PESTS)), planted(1)),
            DataError,
            r"of 3 target words \(Rose, Tulip, lily, …\) 0 have a vector; expected at least 2",
        ),
        (lambda: weat(changed(targets=(PLANTS[:1], PESTS)), planted(1)), DataError, "1 have a vector"),
        (lambda: weat(changed(attributes=(NICE, ())), planted(1)), DataError, "of 0 attribute words"),
        (lambda: weat(TEST, dict.fromkeys(planted(1), np.ones(3))), DataError, "all 10 target words"),
        (lambda: weat(TEST, planted(1) | {"flea": np.full(30, np.nan)}), DataError, "the vector of 'flea' holds NaN"),
        (lambda: weat(TEST, planted(1), partitions=0), SettingError, "partitions is 0"),
        (lambda: seat(TEST, None, templates=("This is it.",)), SettingError, "with {} where the word goes"),
        (lambda: seat(TEST, None, templates=()), SettingError, "with {} where the word goes"),
        (lambda: ripa(TEST.targets, [("man", "woman")], planted(1)), DataError, "none of the 1 pairs"),
        (lambda: ripa(TEST.targets, [("rose", "rose")], planted(1)), DataError, "none of the 1 pairs"),
    ],
)
def test_bad_input_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
