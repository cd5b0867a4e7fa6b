"""What comes after fusion: hits that are unlike, fresh, of many documents, like an example or unlike one."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import likewise as lw
from likewise.errors import ArtifactError, SettingError, UnknownNameError
from likewise.searching import diversity
from likewise.searching.probes import rocchio
from likewise.storing import Ranking, open_store
from likewise.types import Hits

OWLS = "Barn owls hunt voles at night."
TEXTS = {
    "owls": OWLS,
    "again": "Barn owls hunt voles at night !",
    "more": "Tawny owls hunt mice in the woods after dark.",
    "tea": "Tea is best in the morning, with milk.",
    "rust": "The borrow checker of Rust refuses two mutable references.",
}
SHORT = "short = true"  # all but the long one
ASKED = "what do owls hunt"


@pytest.fixture(scope="module")
def made(tmp_path_factory, encoder):
    now = datetime.now(UTC)
    with lw.Index(tmp_path_factory.mktemp("ranked") / "index") as index:
        dates = {name: (now - timedelta(days=100 * place)).isoformat() for place, name in enumerate(reversed(TEXTS))}
        index.add(
            lw.Document(id=name, text=text, metadata={"short": True, "date": None if name == "tea" else dates[name]})
            for name, text in TEXTS.items()
        )
        index.add(
            [lw.Document(id="pages", text="\n\n".join(f"Owls of kind {n}. " + "They fly. " * 60 for n in range(20)))]
        )
        yield index


def names(hits):
    return [hit.document_id for hit in hits]


def test_hits_are_an_immutable_sequence(made):
    hits = made.search(ASKED, k=4)
    assert isinstance(hits, Hits)
    assert (hits == list(hits), hits == made.search(ASKED, k=4), hits == hits[:3], hits[:3] == list(hits)[:3]) == (
        True,
        True,
        False,
        True,
    )
    assert (hits.expected_recall, hits.unfinished, hits[0] in hits, next(reversed(hits))) == (
        1.0,  # few chunks are all looked at
        (),
        True,
        hits[3],
    )
    with pytest.raises(AttributeError):
        hits.hits = ()
    assert hits != "hits"


def test_settings_are_kept_with_the_index_and_replaced_for_one_search(tmp_path, encoder):
    index = lw.Index(tmp_path / "index")
    index.add(lw.Document(id=name, text=text) for name, text in TEXTS.items())
    assert index.settings() == lw.SearchSettings()
    plain = index.search(ASKED, mode="lexical")
    chosen = lw.SearchSettings(k1=2.0, b=0.1, per_document=1, weights={"dense": 0.5})
    index.configure(chosen)
    with lw.Index(tmp_path / "index") as other:
        assert other.settings() == chosen
        kept = other.search(ASKED, mode="lexical")
        once = other.search(ASKED, mode="lexical", settings=replace(chosen, k1=1.2, b=0.75))
    assert once == plain
    assert [hit.score for hit in kept] != [hit.score for hit in plain]
    with open_store(tmp_path / "index", mode="write") as store:
        store.write_setting("search", '{"k2": 1}')
    with lw.Index(tmp_path / "index") as other, pytest.raises(ArtifactError, match="setting named 'k2'"):
        other.search(ASKED)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"depth": 0}, "depth is 0; it must be 1 or more"),
        ({"depth": 2.5}, "depth is 2.5"),
        ({"b": 1.5}, "b is 1.5; it must be 0 to 1"),
        ({"k1": float("nan")}, "k1 is nan"),
        ({"k1": True}, "k1 is True"),
        ({"budget_ms": 0}, "budget_ms is 0; it must be more than 0"),
        ({"half_life_days": -1}, "half_life_days is -1"),
        ({"diversity": 2}, "diversity is 2"),
        ({"per_document": 0}, "per_document is 0"),
        ({"alike": 1.1}, "alike is 1.1"),
        ({"weights": {"dense": -1}}, "none below 0"),
    ],
)
def test_a_setting_that_makes_no_sense_is_refused(wrong, message):
    with pytest.raises(SettingError, match=message):
        lw.SearchSettings(**wrong)
    with pytest.raises(UnknownNameError, match="Did you mean 'convex'"):
        lw.SearchSettings(fusion="convexx")


def test_of_chunks_that_are_alike_the_best_stays(made):
    asked = {"k": 5, "mode": "dense", "where": SHORT}
    plain = names(made.search(ASKED, **asked))
    assert {"owls", "again", "more"} == set(plain[:3])
    worse = max("owls", "again", key=plain.index)
    once = names(made.search(ASKED, settings=lw.SearchSettings(alike=0.9), **asked))
    assert once == [name for name in plain if name != worse]


def test_no_document_has_more_hits_than_allowed_and_k_is_filled_from_deeper(made):
    few = lw.SearchSettings(per_document=1, depth=2)
    assert names(made.search("owls of kind 7", k=2, mode="dense", settings=replace(few, per_document=None))) == [
        "pages",
        "pages",
    ]
    for mode in ("dense", "hybrid"):
        found = names(made.search("owls of kind 7", k=6, mode=mode, settings=few))
        assert sorted(found) == sorted([*TEXTS, "pages"])
    two = names(made.search("owls of kind 7", k=50, settings=lw.SearchSettings(per_document=2)))
    assert two.count("pages") == 2


def test_diverse_hits_are_those_of_the_definition(made):
    asked = {"mode": "dense", "where": SHORT}
    plain = made.search(ASKED, k=5, **asked)
    assert names(made.search(ASKED, k=5, settings=lw.SearchSettings(diversity=1e-9), **asked)) == names(plain)
    diverse = names(made.search(ASKED, k=3, settings=lw.SearchSettings(diversity=0.5), **asked))
    assert diverse[0] == plain[0].document_id
    assert not {"owls", "again"} <= set(diverse[:2])


@given(st.integers(0, 9), st.integers(1, 9), st.floats(0, 1), st.integers(0, 99))
def test_maximal_marginal_relevance_is_its_definition(count, k, balance, seed):
    random = np.random.default_rng(seed)
    vectors = random.normal(size=(count, 4)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    relevances = np.sort(random.random(count))[::-1]
    expected: list[int] = []
    while len(expected) < min(k, count):
        worth = {
            place: (1 - balance) * relevances[place]
            - balance * max((float(vectors[place] @ vectors[one]) for one in expected), default=0.0)
            for place in range(count)
            if place not in expected
        }
        expected.append(max(worth, key=lambda place: (worth[place], -place)))
    found = diversity.maximal_marginal_relevance(relevances, vectors, k=k, diversity=balance)
    assert found == expected


def test_an_old_hit_counts_half_with_every_half_life(made):
    asked = {"mode": "dense", "where": SHORT}
    plain = {hit.document_id: hit.score for hit in made.search(ASKED, k=5, **asked)}
    faded = made.search(ASKED, k=5, settings=lw.SearchSettings(half_life_days=100), **asked)
    low, high = min(plain.values()), max(plain.values())
    for hit in faded:
        age = list(reversed(TEXTS)).index(hit.document_id)
        expected = 0 if hit.document_id == "tea" else (plain[hit.document_id] - low) / (high - low) / 2**age
        assert hit.score == pytest.approx(expected, abs=1e-3)
    assert [hit.score for hit in faded] == sorted((hit.score for hit in faded), reverse=True)
    with pytest.raises(SettingError, match="the field 'kind' holds 'x', which is no date"):
        diversity.ages_days([{"kind": "x"}], "kind", datetime.now(UTC))


def test_ages_are_told_by_dates_years_and_seconds():
    now = datetime(2026, 1, 11, tzinfo=UTC)
    found = [{"a": {"b": "2026-01-01"}}, {"a.b": 2026}, {"a": {"b": now.timestamp() + 9}}, {}, {"a": 1}]
    assert diversity.ages_days(found, "a.b", now).tolist() == [10, 10, 0, np.inf, np.inf]


def test_relevance_puts_what_was_read_again_above_the_rest():
    ranking = Ranking(np.arange(4), np.array([-3, -5, 0.9, 0.1], np.float32))
    assert diversity.relevance(ranking, reranked=2).tolist() == [1, 0.5, 0.5, 0]
    assert diversity.relevance(ranking).tolist() == pytest.approx([2 / 5.9, 0, 1, 5.1 / 5.9])


def test_more_like_this_leaves_out_the_example_and_what_it_shall_not_be_like(made):
    for mode in ("dense", "hybrid", "lexical"):
        found = names(made.like("owls", k=3, mode=mode))
        assert found[0] == "again"
        assert "owls" not in found
    chunk = made.search(OWLS, k=1, mode="dense")[0]
    assert made.like(chunk.chunk_id, k=3) == made.like(chunk.document_id, k=3)
    assert {"again", "owls", "pages"}.isdisjoint(names(made.like("owls", k=4, unlike=["again", "pages"])))
    for wrong, message in (
        (("owl",), "has no document 'owl'"),
        ((10_000,), "has no chunk 10000"),
    ):
        with pytest.raises(SettingError, match=message):
            made.like(*wrong)
    with pytest.raises(SettingError, match=r"use unlike=\['tea'\]"):
        made.like("owls", unlike="tea")


def test_what_hits_shall_not_be_like_falls(made):
    asked = "owls and tea"
    before, after = (
        {hit.document_id: hit.score for hit in made.search(asked, k=60, mode="dense", where=SHORT, unlike=unlike)}
        for unlike in ((), ["drinking tea in the morning"])
    )
    assert after["owls"] - after["tea"] > before["owls"] - before["tea"] + 0.1
    with pytest.raises(SettingError, match=r"use unlike=\['tea'\]"):
        made.search(asked, unlike="tea")
    with pytest.raises(SettingError, match="unlike has a blank text"):
        made.search(asked, unlike=[" "])


def test_feedback_moves_the_question_to_the_first_hits(made, encoder):
    first = made.search(ASKED, k=3, mode="dense")
    query = encoder.encode([ASKED], role="query")[0]
    with open_store(made.path, mode="read") as store:
        vectors = store.chunk_vectors([hit.chunk_id for hit in first])
        moved = query + 0.75 * np.mean(list(vectors.values()), axis=0)
        expected = store.search_dense((moved / np.linalg.norm(moved)).astype(np.float32), k=5)
    found = made.search(ASKED, k=5, mode="dense", settings=lw.SearchSettings(feedback=3))
    assert [hit.chunk_id for hit in found] == expected.ids.tolist()
    assert np.allclose([hit.score for hit in found], expected.scores, atol=1e-5)


def test_rocchio_with_nothing_to_learn_from_changes_nothing():
    query = np.array([0.6, 0.8], np.float32)
    none = np.empty((0, 2), np.float32)
    assert rocchio(query, like=none, unlike=none) is query
    turned = rocchio(query, unlike=np.array([[0.0, 1.0]], np.float32))
    assert turned == pytest.approx(np.array([0.6, 0.3]) / np.hypot(0.6, 0.3))
