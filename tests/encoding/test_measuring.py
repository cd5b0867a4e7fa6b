"""How fast, and of what: the work is what arithmetic says, the texts are the same each time, the shares make sense."""

from dataclasses import asdict

import numpy as np
import pytest
from seeded import cases_of, write_case
from tiny_model import CONFIG, write_model

import likewise
from likewise.encoding import measuring
from likewise.encoding.measuring import Taken, cosines, count_work, measure, mixed_texts, take_turns, token_lengths
from likewise.encoding.quantisation import calibration_texts
from likewise.modelling.checkpoints import read_checkpoint

TEXTS = ["abc de", "f g h a b", "a", "hgf edc ba hgf edc ba hgf edc ba"]


def test_the_work_of_a_small_bert_is_what_arithmetic_says(model):
    work = count_work(read_checkpoint(model))
    width, inner, layers = (CONFIG[name] for name in ("hidden_size", "intermediate_size", "num_hidden_layers"))
    assert work.each == pytest.approx(layers * (4 * width * width + 2 * width * inner))
    assert work.pairs == pytest.approx(layers * 2 * width)  # query with key, and their weights with values
    assert work.constant == pytest.approx(0, abs=1e-3)
    lengths = np.array([3, 5])
    assert work.of(lengths) == pytest.approx(8 * work.each + (9 + 25) * work.pairs)


def test_recurrent_cells_are_counted(tmp_path):
    case = cases_of("infersent")[0]
    words, states = case.config["word_emb_dim"], case.config["enc_lstm_dim"]
    work = count_work(read_checkpoint(write_case(case, tmp_path / "model", pooling="max")))
    assert work.each == pytest.approx(2 * 4 * states * (words + states))  # two directions of four gates
    assert work.pairs == pytest.approx(0, abs=1e-6)


def test_convolutions_and_projected_states_are_counted(tmp_path):
    """ELMo also reads an edge on either side of a text, which is its constant part."""
    case = cases_of("elmo")[0]
    letters, cells = case.config["char_cnn"], case.config["lstm"]
    size, wide = letters["max_characters_per_token"], letters["embedding"]["dim"]
    features, out, states = sum(count for _, count in letters["filters"]), cells["projection_dim"], cells["dim"]
    each = sum((size - span + 1) * span * wide * count for span, count in letters["filters"])
    each += letters["n_highway"] * 2 * features * features + features * out
    each += 2 * cells["n_layers"] * (2 * 4 * states * out + states * out)  # both directions
    work = count_work(read_checkpoint(write_case(case, tmp_path / "model")))
    assert (work.each, work.constant) == pytest.approx((each, 2 * each))


def test_mixed_texts_are_the_same_for_the_same_seed():
    texts = mixed_texts(300)
    assert texts == mixed_texts(300)
    assert texts != mixed_texts(300, seed=1)
    assert len(texts) == 300
    assert all(text.strip() for text in texts)
    lines, words = set(calibration_texts()), [len(text.split()) for text in texts]
    assert 90 <= sum(text in lines for text in texts) <= 160  # 40 in 100 are a line, and some titles are a whole one
    assert sum(count <= 9 for count in words) > 100
    known = {word for line in lines for word in line.split()}
    assert {word for text in texts for word in text.split()} <= known


def test_lengths_are_those_that_the_network_sees(tmp_path, networks):
    folder = write_model(tmp_path / "model")
    settings = folder / "config_sentence_transformers.json"
    settings.write_text('{"prompts": {"query": "", "document": "a b "}}')
    encoder = likewise.load(folder, precision="float32", cache=networks)
    expected = [min(len(ids) + 2 + 2, 16) for ids in encoder.tokenizer.encode(TEXTS)]  # two words of a prompt
    assert token_lengths(encoder, TEXTS).tolist() == expected
    assert max(expected) == 16


def test_passes_take_turns_and_the_median_counts(monkeypatch):
    order, told = [], []
    now = iter(np.cumsum([0, 1, 0, 10, 0, 3, 0, 20, 0, 2, 0, 60]).tolist())
    monkeypatch.setattr(measuring.time, "process_time", lambda: next(now))
    passes = {name: lambda name=name: order.append(name) for name in ("float32", "int8")}
    taken = take_turns(passes, repeats=3, progress=told.append)
    assert order == ["float32", "int8"] * 3
    assert (taken["float32"].cpu_s, taken["int8"].cpu_s) == (2, 20)
    assert told[0] == "timing pass 1 of 3: float32, int8"
    assert all(isinstance(one, Taken) and one.wall_s >= 0 for one in taken.values())


def test_cosines_of_rows_with_zeros_among_them():
    left = np.array([[3, 4], [1, 0], [0, 0], [0, 0]], np.float32)
    right = np.array([[6, 8], [0, 2], [0, 0], [1, 0]], np.float32)
    np.testing.assert_allclose(cosines(left, right), [1, 0, 1, 0], atol=1e-7)


def test_shares_are_finite_and_positive(model, networks, monkeypatch):
    monkeypatch.setattr(measuring, "_PEAK_SHAPES", ((64, 64, 64),))
    told, precisions = [], ("float32", "int8", "int4")
    encoders = {name: likewise.load(model, precision=name, cache=networks) for name in precisions}
    work = count_work(read_checkpoint(model))
    speeds = measure(encoders, TEXTS, work, repeats=2, progress=told.append)
    assert [speed.precision for speed in speeds] == list(precisions)
    for speed in speeds:
        figures = [value for name, value in asdict(speed).items() if name != "precision"]
        assert np.isfinite(figures).all()
        assert min(figures) > 0
        assert speed.share_padded >= speed.share
        assert speed.texts_per_s * speed.cpu_s == pytest.approx(len(TEXTS))
        assert speed.tokens_per_s * speed.cpu_s == pytest.approx(token_lengths(encoders["int8"], TEXTS).sum())
        assert speed.cosine_least <= speed.cosine_mean <= 1 + 1e-6
    assert speeds[0].cosine_least == pytest.approx(1)
    assert speeds[1].cosine_least < 1 - 1e-6, "nothing was quantised"
    assert speeds[0].peak_gops == speeds[2].peak_gops  # int4 computes in float32
    assert told[-1] == "timing pass 2 of 2: float32, int8, int4"
