"""Probes find what was put into encoders on purpose, and nothing in those that lack it."""

import json
import math
from dataclasses import asdict
from functools import cache

import numpy as np
import pytest
from probed_encoders import (
    LeakyEncoder,
    MadeEncoder,
    Understanding,
    cased_words,
    first_words,
    letters,
    pairs_of_words,
    unnegated_words,
    words,
    write_sets,
)

import likewise
from likewise.errors import UnknownNameError
from likewise.evaluating.robustness import PROBES, Failure, Finding, probe, probe_names
from likewise.evaluating.robustness.findings import Measured, add_probe
from likewise.evaluating.significance import interval

BAG = MadeEncoder(words, name="bag")
FREE = (
    "batch_invariance", "negation", "contradiction", "negation_search", "shuffled_words", "swapped_roles", "roles",
    "language_mixing", "typos", "case", "needle_position", "length",
)  # fmt: skip


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_sets(tmp_path_factory.mktemp("sets"))


@pytest.fixture(scope="module")
def bag(data):
    """What a probe finds about a bag of words, found once."""
    return cache(lambda name: found(BAG, name, data=data))


def found(encoder, *names, data=None, seed=0):
    results = list(probe(encoder, names, data=data, seed=seed))
    assert all(isinstance(one, Finding) for one in results), results
    return results if len(results) > 1 else results[0]


def part(finding, name):
    (one,) = (one for one in finding.parts if one.name == name)
    return one.interval.estimate


@pytest.mark.parametrize("name", PROBES)
def test_every_probe_says_what_it_found_and_how_to_read_it(name, bag):
    finding = bag(name)
    assert PROBES.find(name).summary.endswith((".", "?"))
    assert finding.indifferent < finding.perfect
    assert math.isfinite(finding.share)
    assert finding.reading.endswith(".")
    assert finding.reading.count(". ") == 0, "one sentence"
    assert len(finding.measure) > 20
    assert 2 <= finding.groups <= finding.items
    for one in (finding.interval, *(one.interval for one in finding.parts)):
        assert one.low <= one.estimate <= one.high
        assert one.low < one.high, "an interval says that nothing is certain"
    assert sum(one.items for one in finding.parts) in (0, finding.items)
    json.dumps(asdict(finding), allow_nan=False)


@pytest.mark.parametrize("name", ["negation", "typos", "linear_speech"])
def test_the_same_seed_finds_the_same(name, bag, data):
    assert found(BAG, name, data=data) == bag(name) != found(BAG, name, data=data, seed=1)


@pytest.mark.parametrize(
    "name", ["negation", "contradiction", "negation_search", "shuffled_words", "swapped_roles", "roles"]
)
def test_a_model_that_understands_our_sentences_is_perfect(name):
    finding = found(MadeEncoder(Understanding()), name)
    assert finding.interval.estimate == finding.share == 1
    assert all(one.interval.estimate == 1 for one in finding.parts)


def test_a_bag_of_words_gets_what_is_called_indifferent(bag):
    shuffled, swapped, roles = bag("shuffled_words"), bag("swapped_roles"), bag("roles")
    assert [one.interval.estimate for one in (shuffled, swapped, roles)] == [0, 0, 0.5]
    assert [one.share for one in (shuffled, swapped, roles)] == [0, 0, 0]
    assert roles.facts["cosine to what agrees"] == pytest.approx(roles.facts["cosine to what does not"], abs=1e-6)
    assert shuffled.facts["cosine to what does not"] == pytest.approx(1, abs=1e-6)


def test_a_model_that_goes_by_who_is_named_first_is_below_guessing():
    first_noun = MadeEncoder(lambda text: words(text) + 5 * words(text.split()[1]))
    assert found(first_noun, "roles").interval.estimate == 0


def test_negation_is_not_seen_by_a_model_that_does_not_read_it(bag):
    blind, search = found(MadeEncoder(unnegated_words), "negation", "negation_search")
    assert blind.interval.estimate < 0.05
    assert blind.facts["cosine to what does not"] > bag("negation").facts["cosine to what does not"]
    assert blind.facts["cosine to another statement"] < 0.5 < blind.facts["cosine to what agrees"]
    assert bag("negation").interval.estimate < 0.5  # a bag sees one word, and paraphrases change more of them
    assert search.interval.estimate < 0.25


def test_negation_search_counts_pairs_that_are_both_right(bag):
    finding = bag("negation_search")
    affirmed, denied = finding.facts["queries that affirm"], finding.facts["queries that deny"]
    assert affirmed + denied - 1 <= finding.interval.estimate <= min(affirmed, denied)


def test_foreign_words_are_known_or_not(bag):
    assert found(MadeEncoder(Understanding()), "language_mixing").interval.estimate == 1
    unknown = bag("language_mixing")
    assert [one.name for one in unknown.parts] == ["de", "es", "fr"]
    assert unknown.interval.low < 0.5 < unknown.interval.high


def test_case_costs_what_a_model_does_not_fold(bag):
    folded, cased = bag("case"), found(MadeEncoder(cased_words), "case")
    assert folded.interval.estimate == 1
    assert folded.facts["reciprocal rank unchanged"] < 1
    assert part(cased, "upper") < 0.3
    assert part(cased, "upper") < part(cased, "title") < 1
    assert cased.interval.estimate == pytest.approx(np.mean([one.interval.estimate for one in cased.parts]))


def test_typos_cost_a_model_of_whole_words_more_than_one_of_letters(bag):
    by_words, by_letters = bag("typos"), found(MadeEncoder(letters), "typos")
    assert by_words.interval.high < by_letters.interval.low < 1
    assert {one.name for one in by_words.parts} == {"swap", "drop", "double", "neighbour"}


def test_a_needle_is_found_where_a_model_reads():
    whole, start = (found(MadeEncoder(reads, width=100), "needle_position") for reads in (words, first_words))
    assert part(start, "beginning of 150 words") == pytest.approx(part(start, "beginning of 600 words"), abs=0.1)
    assert part(start, "beginning of 600 words") > 2 * part(start, "middle of 600 words")
    assert part(start, "end of 150 words") == pytest.approx(start.indifferent, abs=0.06)
    assert part(whole, "beginning of 150 words") == pytest.approx(part(whole, "end of 150 words"), abs=0.1)


def test_longer_documents_are_harder_to_find(bag):
    finding = bag("length")
    assert [one.name for one in finding.parts] == ["20 words", "60 words", "180 words", "540 words"]
    falling = [one.interval.estimate for one in finding.parts]
    assert falling == sorted(falling, reverse=True)
    assert falling[0] > 2 * falling[-1]


def test_what_a_model_has_no_room_for_is_counted(model):
    encoder = likewise.load(str(model))  # takes 16 tokens
    finding = found(encoder, "needle_position")
    for one in finding.parts:
        assert one.cut.counted
        assert 68 <= one.cut.cut < one.cut.texts == 2 * 68  # the documents, and few of the queries
        words_in_all = 68 * int(one.name.split()[2])
        assert one.cut.tokens > words_in_all - 68 * 16
    assert finding.cut.tokens == sum(one.cut.tokens for one in finding.parts)


def test_batches_are_held_to_the_text_alone(model):
    same, leaky = found(likewise.load(str(model)), "batch_invariance"), found(LeakyEncoder(words), "batch_invariance")
    assert same.interval.estimate == 1
    assert same.facts["least cosine"] > 1 - 1e-6
    assert leaky.interval.estimate == 0
    assert leaky.facts["least cosine"] < 0.9999
    assert leaky.facts["greatest difference of a component"] > 0.001


def test_a_language_that_a_model_reads_is_found_in_a_mixed_index(bag):
    finding = bag("mixed_index")
    assert part(finding, "de") == 1  # the made German has the same words
    assert max(part(finding, language) for language in ("es", "ru", "zh")) < 0.5


def test_linear_probes_read_order_where_there_is_any(bag, data):
    none, some = bag("linear_order"), found(MadeEncoder(pairs_of_words, width=200), "linear_order", data=data)
    assert none.interval.low < 0.5 < none.interval.high
    assert some.interval.low > 0.6
    assert {one.name for one in none.parts} == {"as written", "swapped"}


def test_linear_probes_read_meaning(bag):
    finding = bag("linear_meaning")
    assert finding.indifferent == 0.5  # of two intents
    assert finding.interval.estimate > 0.95
    assert finding.share == pytest.approx(2 * finding.interval.estimate - 1)


def test_parts_of_speech_are_held_to_what_spelling_tells(bag, data):
    """Half of the made words are spelled after their part of speech; of the others a quarter is guessed."""
    nothing = bag("linear_speech")
    assert nothing.indifferent == pytest.approx(0.5 + 0.5 / 4, abs=0.1)
    assert nothing.interval.estimate < 0.4
    assert nothing.share < 0
    speech = found(MadeEncoder(lambda text: [text[5:] or text], width=64), "linear_speech", data=data)
    assert speech.interval.estimate == pytest.approx(nothing.indifferent, abs=0.1)
    assert {one.name for one in speech.parts} == {"noun", "verb", "adjective", "adverb"}


def test_words_of_two_parts_of_speech_are_left_out(bag):
    assert bag("linear_speech").items == 4 * 60 / 2


def measured(**options):
    given = {"measure": "a share", "perfect": 1.0, "indifferent": 0.0, "reading": "Read it."}
    return Measured(**(given | options))


def counted(one):
    """The finding of a probe that counts what is given."""
    add_probe("made")(lambda bench: one)
    try:
        return found(BAG, "made")
    finally:
        PROBES.pop("made")


def test_a_figure_is_a_mean_with_its_interval():
    values = np.random.default_rng(0).random(50)
    finding = counted(measured(values=values, groups=range(50)))
    expected = interval(values)
    assert finding.interval.estimate == pytest.approx(values.mean())
    assert finding.interval.low == pytest.approx(expected.low, abs=0.01)
    assert finding.interval.high == pytest.approx(expected.high, abs=0.01)


def test_a_figure_may_be_a_share_of_what_was_before():
    finding = counted(measured(values=[1.0, 0.5, 0.25], baselines=[1.0, 1.0, 0.5], groups=range(3)))
    assert finding.interval.estimate == 1.75 / 2.5


def test_items_of_a_group_count_as_one_for_chance():
    values = np.random.default_rng(1).integers(0, 2, 30).repeat(20)
    alone = counted(measured(values=values, groups=range(600))).interval
    together = counted(measured(values=values, groups=np.arange(30).repeat(20))).interval
    assert together.estimate == alone.estimate
    assert together.high - together.low > 3 * (alone.high - alone.low)


@pytest.mark.parametrize("value", [0.0, 1.0, 0.5])
def test_groups_that_all_agree_leave_an_interval(value):
    """Of 20 groups that agree, a share p is otherwise unseen with a chance of (1 - p)^20, which is 5 % at the limit."""
    finding = counted(measured(values=np.full(20, value), groups=range(20)))
    share = 1 - 0.05 ** (1 / 20)
    assert (1 - share) ** 20 == pytest.approx(0.05)
    assert finding.interval.low == pytest.approx(value - share * value)
    assert finding.interval.high == pytest.approx(value + share * (1 - value))


def test_parts_have_figures_of_their_own():
    parts = ["a"] * 10 + ["b"] * 30
    finding = counted(measured(values=[1.0, 0.0] * 20, groups=list(range(40)), parts=parts))
    assert [(one.name, one.items) for one in finding.parts] == [("a", 10), ("b", 30)]
    assert (finding.items, finding.groups) == (40, 40)


def test_one_function_is_a_probe():
    @add_probe("shouting")
    def shouting(bench):
        """Whether a text is nearer to itself in capitals than to another."""
        texts = ["a cat", "two dogs", "some bread"]
        right = bench.subject.likenesses(texts, [text.upper() for text in texts])
        wrong = bench.subject.likenesses(texts, texts[1:] + texts[:1])
        return measured(values=right > wrong, groups=range(3))

    try:
        assert "shouting" in probe_names()
        assert PROBES.find("shouting").summary == "Whether a text is nearer to itself in capitals than to another."
        assert found(BAG, "shouting").interval.estimate == 1
        assert found(MadeEncoder(cased_words), "shouting").interval.estimate < 1
        with pytest.raises(ValueError, match="probe 'shouting' is already taken"):
            add_probe("shouting")(shouting)
    finally:
        PROBES.pop("shouting")


def test_probes_without_their_data_are_not_offered(data, tmp_path):
    assert set(probe_names()) == set(probe_names(tmp_path)) == set(FREE)
    assert set(probe_names(data)) == set(PROBES)
    (tmp_path / "xquad").mkdir()
    (tmp_path / "xquad" / "paragraphs.jsonl").write_text("{}\n")
    assert set(probe_names(tmp_path)) == {*FREE, "mixed_index"}


def test_a_probe_that_fails_is_named_and_the_others_go_on(tmp_path):
    told = []
    names = ["linear_order", "roles", "mixed_index"]
    results = list(probe(BAG, names, data=tmp_path, progress=lambda *what: told.append(what)))
    assert [type(one) for one in results] == [Failure, Finding, Failure]
    assert results[0].probe == "linear_order"
    assert "there is no" in results[0].reason and "banking77" in results[0].reason
    assert told == [("bag: probing", done, 3) for done in range(4)]
    (without,) = probe(BAG, ["linear_order"])
    assert "--data" in without.reason


def test_unknown_probes_are_refused_before_anything_is_done():
    with pytest.raises(UnknownNameError, match=r"no probe named 'negations'\. Did you mean 'negation'"):
        probe(None, ["roles", "negations"])


def test_a_model_to_which_all_texts_are_alike_tells_nothing():
    alike = MadeEncoder(lambda text: ["same"])
    results = {one.probe: one for one in probe(alike, ["typos", "negation", "roles", "needle_position"])}
    assert "nothing can be told" in results["typos"].reason
    assert results["negation"].interval.estimate == results["roles"].interval.estimate == 0.5
    assert results["needle_position"].share == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        (
            "xquad/paragraphs.jsonl",
            '{"lang": "en", "para_id": "1", "context": "a", "qas": []}\n',
            "lacks paragraph 1 in de",
        ),
        ("banking77/train.tsv", "label\ttext\na\ta b c d e f\n", "test: got no vector"),
        ("wordnet_glosses/synsets.jsonl", '{"synset": "noun-1", "lemmas": "a"}\n', "lemmas must be a list"),
    ],
)
def test_damaged_sets_are_named(tmp_path, file, text, message):
    (tmp_path / file).parent.mkdir()
    (tmp_path / file).write_text(text)
    name = {"xquad": "mixed_index", "banking77": "linear_order", "wordnet_glosses": "linear_speech"}[file.split("/")[0]]
    (result,) = probe(BAG, [name], data=tmp_path)
    assert message in result.reason
