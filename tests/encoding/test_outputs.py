"""Sparse vectors, a vector a token, and scores: as sentence-transformers gives them for the same folders."""

from pathlib import Path

import numpy as np
import pytest
from tiny_model import write_model
from tiny_outputs import MULTI_VECTOR, PAIRS, SCORERS, SPARSE, TEXTS, WORDS, write_cross_encoder, write_multi_vector

import likewise
from likewise.encoding.multi_vector import load_multi_vector, max_sim, max_sim_scores
from likewise.encoding.scoring import _shortened, load_scorer
from likewise.encoding.sparse import load_sparse
from likewise.errors import ModelError, SettingError, ShapeError, TooLongError
from likewise.modelling.checkpoints import read_checkpoint, write_checkpoint

with np.load(Path(__file__).parent.parent / "golden" / "outputs.npz") as _file:
    GOLDEN = dict(_file)
LIMIT = 1e-4
EXACT = {"precision": "float32"}


def dense(vectors):
    made = np.zeros((len(vectors), len(WORDS)), np.float32)
    for row, vector in zip(made, vectors, strict=True):
        row[vector.terms] = vector.weights
    return made


@pytest.mark.parametrize("name", SPARSE)
def test_sparse_vectors_are_those_of_sentence_transformers(name, tmp_path, networks):
    encoder = load_sparse(SPARSE[name](tmp_path / name), cache=networks, **EXACT)
    assert encoder.contract.dimension == len(WORDS)
    for role in ("query", "document"):
        found = encoder.encode(TEXTS, role=role)
        expected = GOLDEN[f"sparse.{name}.{role}"]
        assert (expected > 0).any()
        assert np.abs(dense(found) - expected).max() <= LIMIT
        alone = np.concatenate([dense(encoder.encode([text], role=role)) for text in TEXTS])
        assert np.abs(alone - expected).max() <= LIMIT


def test_the_heaviest_terms_are_kept_and_named(tmp_path, networks):
    encoder = load_sparse(SPARSE["max"](tmp_path / "m"), cache=networks, **EXACT)
    (whole,) = encoder.encode(TEXTS[:1], role="query")
    (best,) = encoder.encode(TEXTS[:1], role="query", most_terms=3)
    assert (np.diff(whole.terms) > 0).all()
    assert (whole.weights > 0).all()
    heaviest = sorted(whole.weights.tolist(), reverse=True)[:3]
    assert sorted(best.weights.tolist(), reverse=True) == heaviest
    assert [weight for _, weight in encoder.tokens(best)] == heaviest
    assert {word for word, _ in encoder.tokens(best)} <= set(WORDS)
    with pytest.raises(SettingError, match="most_terms is 0"):
        encoder.encode(TEXTS, role="query", most_terms=0)


def test_a_long_text_is_refused_cut_or_read_in_pieces(tmp_path, networks):
    encoder = load_sparse(SPARSE["max"](tmp_path / "m"), cache=networks, **EXACT)
    long = "a b c d e f g h " * 4
    with pytest.raises(TooLongError, match="over the model's 24 tokens; text 0 has 34"):
        encoder.encode([long], role="document")
    pieces = dense(
        encoder.encode(["a b c d e f g h " * 2 + "a b c d e f", "g h " + "a b c d e f g h"], role="document")
    )
    (whole,) = encoder.encode([long], role="document", overflow="chunk")
    assert np.abs(dense([whole])[0] - pieces.max(axis=0)).max() <= LIMIT
    (cut,) = encoder.encode([long], role="document", overflow="truncate")
    assert np.abs(dense([cut])[0] - pieces[0]).max() <= LIMIT


@pytest.mark.parametrize("name", MULTI_VECTOR)
def test_token_vectors_are_those_of_sentence_transformers(name, tmp_path, networks):
    encoder = load_multi_vector(MULTI_VECTOR[name](tmp_path / name), cache=networks, **EXACT)
    for role in ("query", "document"):
        overflow = "truncate"  # the reference cuts queries to the length that they are filled up to
        together = encoder.encode(TEXTS, role=role, overflow=overflow)
        for i, text in enumerate(TEXTS):
            expected = GOLDEN[f"multi.{name}.{role}.{i}"]
            for found in (together[i], encoder.encode([text], role=role, overflow=overflow)[0]):
                assert found.shape == expected.shape
                assert np.abs(found - expected).max() <= LIMIT


def test_a_query_over_the_length_that_it_is_filled_up_to_is_refused(tmp_path, networks):
    encoder = load_multi_vector(MULTI_VECTOR["expanded"](tmp_path / "m"), cache=networks, **EXACT)
    with pytest.raises(TooLongError, match="over the model's 10 tokens"):
        encoder.encode(["a b c d e f g h a b"], role="query")
    assert len(encoder.encode(["a b c d e f g h a b"], role="document")[0]) == 12


def test_filling_up_needs_a_mask_token(tmp_path, networks):
    folder = write_multi_vector(
        tmp_path / "m", expansion={"strategy": "fixed", "attend": False, "length": 10, "token": "[NONE]"}
    )
    with pytest.raises(ModelError, match="fills queries up with mask tokens"):
        load_multi_vector(folder, cache=networks, **EXACT)
    folder = write_multi_vector(tmp_path / "n", expansion={"strategy": "widest", "length": 10})
    with pytest.raises(ModelError, match="known are the strategies fixed and min"):
        load_multi_vector(folder, cache=networks, **EXACT)


def test_max_sim_is_its_definition_and_nothing_masked_scores():
    random = np.random.default_rng(0)
    queries = [random.normal(size=(n, 6)).astype(np.float32) - 2 for n in (3, 1)]
    documents = [random.normal(size=(n, 6)).astype(np.float32) + 1 for n in (4, 0, 2)]  # all products are negative
    scores = max_sim_scores(queries, documents)
    for q, query in enumerate(queries):
        for n, document in enumerate(documents):
            expected = sum(max(float(a @ b) for b in document) for a in query) if len(document) else -np.inf
            assert max_sim(query, document) == pytest.approx(expected, rel=1e-5)
            assert scores[q, n] == pytest.approx(expected, rel=1e-5)
    assert max_sim_scores(queries, [documents[1]]).tolist() == [[-np.inf], [-np.inf]]
    assert max_sim_scores([], documents).shape == (0, 3)
    with pytest.raises(ShapeError, match=r"takes \(T, D\) and \(S, D\)"):
        max_sim(queries[0], documents[0][:, :5])


@pytest.mark.parametrize("name", SCORERS)
def test_scores_are_those_of_sentence_transformers(name, tmp_path, networks):
    scorer = load_scorer(SCORERS[name](tmp_path / name), cache=networks, **EXACT)
    expected = GOLDEN[f"scores.{name}"]
    together = scorer.score(PAIRS)
    assert together.shape == expected.shape == (len(PAIRS), len(scorer.labels))
    assert np.abs(together - expected).max() <= LIMIT
    assert np.abs(np.concatenate([scorer.score([pair]) for pair in PAIRS]) - expected).max() <= LIMIT
    assert scorer.score([]).shape == (0, len(scorer.labels))


def test_a_scorer_says_what_it_gives_and_refuses_what_it_can_not_read(tmp_path, networks):
    scorer = load_scorer(write_cross_encoder(tmp_path / "m", labels=3), cache=networks, **EXACT)
    assert repr(scorer) == (
        f"CrossEncoder({str(tmp_path / 'm')!r}, labels=['label 0', 'label 1', 'label 2'], activation='identity')"
    )
    long = ("a " * 30, "b " * 3)
    with pytest.raises(TooLongError, match="pair 1 has 12 tokens more than the model's 24"):
        scorer.score([("a", "b"), long])
    cut = scorer.score([long], overflow="truncate")
    assert np.abs(cut - scorer.score([("a " * 18, "b " * 3)])).max() <= LIMIT
    for wrong in ("a pair", ["ab"], [("a", "b", "c")]):
        with pytest.raises(SettingError, match="takes pairs of texts"):
            scorer.score(wrong)
    with pytest.raises(SettingError, match="overflow is 'chunk'"):
        scorer.score([("a", "b")], overflow="chunk")
    odd = write_cross_encoder(tmp_path / "odd", activation="torch.nn.modules.activation.Tanhshrink")
    with pytest.raises(ModelError, match=r"names the activation .*Tanhshrink"):
        load_scorer(odd, cache=networks, **EXACT)


@pytest.mark.parametrize("lengths", [(5, 3), (9, 1), (1, 9), (6, 6), (7, 8), (20, 20), (3, 30)])
@pytest.mark.parametrize("room", [6, 7, 8])
def test_the_longer_text_loses_its_end_first(lengths, room):
    left, right = (np.arange(length) for length in lengths)
    a, b = lengths
    while a + b > room:  # token by token, as the definition has it
        a, b = (a - 1, b) if a > b else (a, b - 1)
    found = _shortened(left, right, room)
    assert [len(one) for one in found] == [a, b]
    assert [one.tolist() for one in found] == [list(range(a)), list(range(b))]


def test_each_loader_refuses_what_the_others_open(tmp_path, networks):
    sparse, dense = SPARSE["max"](tmp_path / "s"), write_model(tmp_path / "d")
    with pytest.raises(ModelError, match=r"gives sparse output, not dense: open it with likewise.load_sparse"):
        likewise.load(sparse, cache=networks)
    with pytest.raises(ModelError, match=r"gives dense output, not scores: open it with likewise.load"):
        load_scorer(dense, cache=networks)


@pytest.mark.parametrize("write", [SPARSE["max"], SPARSE["routed"], MULTI_VECTOR["plain"], MULTI_VECTOR["stanford"]])
def test_every_kind_is_written_back_as_it_was_read(write, tmp_path):
    checkpoint = read_checkpoint(write(tmp_path / "m"))
    weights = checkpoint.weights()
    write_checkpoint(checkpoint, weights, tmp_path / "copy")
    again = read_checkpoint(tmp_path / "copy").weights()
    assert {name: value.tobytes() for name, value in again.items()} == {
        name: value.tobytes() for name, value in weights.items()
    }
