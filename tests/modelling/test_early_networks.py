"""The vectors of the early encoders: the networks with the steps behind them, as their papers define them."""

import json

import numpy as np
import pytest
from safetensors.numpy import save_file
from seeded import batches, cases_of, seeded_tensors, write_case

from likewise.errors import ModelError
from likewise.modelling.checkpoints import read_checkpoint
from likewise.modelling.families import infersent, text_cnn, use_dan, use_transformer
from likewise.modelling.network import run
from likewise.modelling.ops import Inputs
from likewise.modelling.ops.numpy_ops import NumpyOps


def vectors(folder, ids, mask):
    checkpoint = read_checkpoint(folder)
    return run(NumpyOps(), checkpoint, checkpoint.weights(), Inputs(ids, mask))


def test_the_averaging_network_is_an_average_and_then_dense_layers(tmp_path):
    case = cases_of("use_dan")[0]
    folder = write_case(case, tmp_path / "model", pooling="mean")
    random = np.random.default_rng(1)
    layers = [random.normal(size=size).astype(np.float32) for size in ((10, 24), (6, 10))]
    chain = json.loads((folder / "modules.json").read_text())
    for i, weight in enumerate(layers, 2):
        chain.append({"idx": i, "path": f"{i}_Dense", "type": "x.Dense"})
        config = {"in_features": weight.shape[1], "out_features": weight.shape[0], "bias": False}
        (folder / f"{i}_Dense").mkdir()
        (folder / f"{i}_Dense" / "config.json").write_text(
            json.dumps({**config, "activation_function": "torch.nn.modules.activation.ReLU"})
        )
        save_file({"linear.weight": weight}, folder / f"{i}_Dense" / "model.safetensors")
    (folder / "modules.json").write_text(json.dumps(chain))
    ids, mask = batches(case.config)["left"]
    found = vectors(folder, ids, mask)
    tensors = seeded_tensors(case.shapes)
    words, pairs = tensors["word_embeddings.weight"], tensors["bigram_embeddings.weight"]
    for row, there, vector in zip(ids, mask > 0, found, strict=True):
        known = row[there].tolist()
        hashed = [(1_000_003 * a + 15_485_863 * b) % 101 for a, b in zip(known, [*known[1:], 40], strict=True)]
        x = np.concatenate([words[known], pairs[hashed]]).mean(axis=0)
        for weight in layers:
            x = np.maximum(weight @ x, 0)
        assert np.abs(vector - x).max() <= 1e-5
        assert np.abs(vector).max() > 0.1


@pytest.mark.parametrize(
    ("family", "pooling", "pooled"),
    [
        ("infersent", "max", lambda states: states.max(axis=0)),
        ("text_cnn", "max", lambda states: states.max(axis=0)),
        ("use_transformer", "mean_sqrt_len_tokens", lambda states: states.sum(axis=0) / len(states) ** 0.5),
        ("elmo", "mean", lambda states: states.mean(axis=0)),
    ],
)
def test_vectors_are_pooled_over_real_tokens_alone(family, pooling, pooled, tmp_path):
    case = cases_of(family)[0]
    folder = write_case(case, tmp_path / "model", pooling=pooling)
    for kind, (ids, mask) in batches(case.config).items():
        expected = [pooled(states[there]) for states, there in zip(case.expected[kind], mask > 0, strict=True)]
        assert np.abs(vectors(folder, ids, mask) - expected).max() <= 1e-5


@pytest.mark.parametrize(
    ("family", "key", "value"),
    [
        (infersent, "pool_type", "mean"),
        (infersent, "version", 3),
        (use_transformer, "hidden_act", "softmax"),
        (use_transformer, "num_attention_heads", 5),
        (use_dan, "bigram_buckets", 0),
        (text_cnn, "kernel_sizes", []),
        (text_cnn, "kernel_sizes", [3, 0]),
    ],
)
def test_settings_that_are_not_known_are_refused(family, key, value):
    config = cases_of(family.__name__.rsplit(".", 1)[-1])[0].config
    family.settings(config)
    with pytest.raises(ModelError, match=f"{key}|softmax|heads"):
        family.settings({**config, key: value})
