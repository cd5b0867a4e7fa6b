"""What smaller weights cost, held against the plain way to find it, for every kind of model."""

import random

import numpy as np
import pytest
import tiny_outputs
from tiny_model import write_model

import likewise
from likewise.encoding.labelled_pairs import LabelledPairs
from likewise.encoding.multi_vector import load_multi_vector
from likewise.encoding.quality import NEAREST, compare_precisions
from likewise.encoding.scoring import load_scorer
from likewise.encoding.sparse import load_sparse
from likewise.errors import ModelError, SettingError


def made_texts(count):
    chance = random.Random(3)
    return [
        " ".join("".join(chance.choices("abcdefgh", k=3)) for _ in range(chance.randint(1, 4))) for _ in range(count)
    ]


TEXTS = made_texts(16)
PAIRS = LabelledPairs(made_texts(10), made_texts(20)[10:], np.arange(10) % 4 / 2)
FOLDERS = {
    "cosine": lambda folder: write_model(folder, normalise=False),
    "dot": lambda folder: write_dot(folder),
    "sparse": tiny_outputs.write_sparse,
    "multi-vector": lambda folder: tiny_outputs.write_multi_vector(folder, expansion=None, skipped=()),
}


def write_dot(folder):
    write_model(folder, normalise=False)
    (folder / "config_sentence_transformers.json").write_text('{"similarity_fn_name": "dot"}')
    return folder


def rows(kind, folder, precision, texts, cache):
    """For each text the rows (T, D) that it gives; one row of dense and sparse models."""
    options = {"precision": precision, "cache": cache}
    if kind == "multi-vector":
        return load_multi_vector(folder, **options).encode(texts, role="document", overflow="truncate")
    if kind == "sparse":
        encoder = load_sparse(folder, **options)
        found = np.zeros((len(texts), 1, encoder.contract.dimension), np.float32)
        for row, vector in zip(found, encoder.encode(texts, role="document", overflow="truncate"), strict=True):
            row[0, vector.terms] = vector.weights
        return found
    found = likewise.load(folder, **options).encode(texts, role="document", overflow="truncate")
    return (found / np.linalg.norm(found, axis=1, keepdims=True) if kind == "cosine" else found)[:, None]


def score(left, right):
    """Late interaction, which of one row each is their product."""
    return sum(max(float(a @ b) for b in right) for a in left)


def nearest(texts):
    scores = [[score(a, b) for b in texts] for a in texts]
    others = [[j for j in range(len(texts)) if j != i] for i in range(len(texts))]
    return [set(sorted(some, key=lambda j: -scores[i][j])[:NEAREST]) for i, some in enumerate(others)]


@pytest.mark.parametrize("kind", FOLDERS)
def test_quality_is_what_the_plain_way_finds(tmp_path, networks, kind):
    folder = FOLDERS[kind](tmp_path / "model")
    told = []
    made = compare_precisions(folder, ["int4"], [*TEXTS, *TEXTS[:3]], pairs=PAIRS, repeats=1, progress=told.append)
    assert [one.precision for one in made] == ["float32", "int4"]
    exact, int4 = (rows(kind, folder, one.precision, TEXTS, networks) for one in made)
    for one, found in zip(made, (exact, int4), strict=True):
        cosines = [
            a @ b / np.linalg.norm(a) / np.linalg.norm(b)
            for left, right in zip(exact, found, strict=True)
            for a, b in zip(left, right, strict=True)
        ]
        kept = [len(a & b) / NEAREST for a, b in zip(nearest(exact), nearest(found), strict=True)]
        assert one.quality.cosine_mean == pytest.approx(np.mean(cosines), abs=1e-5)
        assert one.quality.cosine_least == pytest.approx(min(cosines), abs=1e-5)
        assert one.quality.neighbours_kept == pytest.approx(np.mean(kept))
        left, right = (rows(kind, folder, one.precision, side, networks) for side in (PAIRS.left, PAIRS.right))
        alike = [score(a, b) for a, b in zip(left, right, strict=True)]
        assert one.quality.spearman == pytest.approx(spearman(alike, PAIRS.scores.tolist()), abs=1e-6)
        assert one.quality.order_kept is None
    assert made[0].quality.neighbours_kept == 1
    assert made[1].quality.cosine_mean < 0.9999, "nothing was quantised"
    assert told[-1] == "timing pass 1 of 1: float32, int4"


def spearman(left, right):
    ranks = [[sum(b < a for b in row) + (row.count(a) + 1) / 2 for a in row] for row in (left, right)]
    return np.corrcoef(*ranks)[0, 1]


def test_sizes_are_those_of_what_is_kept_and_speeds_are_shares_of_float32(model, networks):
    made = compare_precisions(model, ["int8", "int4", "int8", "float32"], TEXTS, repeats=1)
    assert [one.precision for one in made] == ["float32", "int8", "int4"]
    exact = made[0]
    assert (exact.size_share, exact.speedup) == (1, 1)
    kept = {path.stat().st_size for path in networks.glob("*/network.blob")}
    for one in made:
        assert one.size_bytes in kept
        assert one.size_share == one.size_bytes / exact.size_bytes
        assert one.speedup == pytest.approx(one.texts_per_s / exact.texts_per_s)
        assert one.texts_per_s > 0
        assert one.quality.spearman is None
    assert 0.9 < made[1].quality.cosine_least < 0.9999


@pytest.mark.slow
def test_the_default_model_gets_smaller_and_stays_near(sentences):
    texts = list(dict.fromkeys(sentences))[:100]
    _, int8, int4 = compare_precisions("all-MiniLM-L6-v2", ["int8", "int4"], texts, repeats=1)
    assert int4.size_share < int8.size_share < 0.3
    assert int8.quality.cosine_mean > 0.99
    assert int4.quality.cosine_mean > 0.95
    assert int8.quality.neighbours_kept > int4.quality.neighbours_kept > 0.7


def test_a_scorer_is_held_to_its_own_order_and_to_that_of_people(tmp_path, networks):
    folder = tiny_outputs.write_cross_encoder(tmp_path / "model", activation=tiny_outputs.IDENTITY)
    made = compare_precisions(folder, ["int4"], TEXTS, pairs=PAIRS, repeats=1)
    every = list(zip(PAIRS.left, PAIRS.right, strict=True))
    exact, found = (
        load_scorer(folder, precision=one.precision, cache=networks).score(every, overflow="truncate")[:, 0].tolist()
        for one in made
    )
    assert [one.quality.order_kept for one in made] == pytest.approx([1, spearman(exact, found)])
    wanted = [spearman(scores, PAIRS.scores.tolist()) for scores in (exact, found)]
    assert [one.quality.spearman for one in made] == pytest.approx(wanted)
    assert {one.quality.cosine_mean for one in made} == {one.quality.neighbours_kept for one in made} == {None}
    with pytest.raises(SettingError, match="scores pairs of texts, so it is compared on such pairs"):
        compare_precisions(folder, ["int4"], TEXTS)
    labels = tiny_outputs.write_cross_encoder(tmp_path / "labels", labels=3)
    with pytest.raises(ModelError, match="gives 3 labels for a pair, which have no one order"):
        compare_precisions(labels, ["int4"], TEXTS, pairs=PAIRS)


def test_what_can_not_be_compared_is_said(model):
    with pytest.raises(SettingError, match="there are 11 different texts; to compare the 10 nearest"):
        compare_precisions(model, ["int4"], TEXTS[:11] * 2)
    with pytest.raises(SettingError, match="precision is 'int3'"):
        compare_precisions(model, ["int3"], TEXTS)
