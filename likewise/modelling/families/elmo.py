"""ELMo: words from their characters, then LSTMs over them in both directions (Peters et al. 2018, arXiv:1802.05365).

``config.json`` is the published options file with ``"model_type": "elmo"``. The tensors are those of the published HDF5
file, each named by its path there and as it is there: ``elmo_files.convert_elmo`` writes such a folder. That file is
TensorFlow's: matrices map rows, the gates of an LSTM are in the order input, cell, forget, output, and 1 is added to
the forget gate when it runs.

Ids are those of the characters of words, (B, T, 50), as ``tokenizing.characters`` gives them. The network itself puts a
begin and an end around each text, and drops their states. The state of a word is γ·Σ sⱼ·layerⱼ (equation 1 there) over
the word by its characters, twice side by side, and the layers of the LSTMs. ``"layer_mix"`` is "average", where all
layers count alike and γ is 1, or "learned", where the file also has ``scalar_mix_0.gamma`` and
``scalar_mix_0.scalar_parameters.J``, whose softmax is s. AllenNLP's encoder keeps the LSTMs' states from batch to
batch, so that the same text gets another vector each time; here each text begins at zero.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from likewise.errors import ModelError
from likewise.modelling.families import Family, read_settings
from likewise.modelling.ops import Array, Cell, Inputs, Ops, Weights
from likewise.modelling.parts import Scope, activation

A = TypeVar("A")

CHARACTERS = 50  # of a word
_PADDING = 260  # a character behind the end of a word
_EDGES = np.full((2, CHARACTERS), _PADDING)  # the words that begin and end a text
_EDGES[:, :3] = [[258, 256, 259], [258, 257, 259]]  # begin of word, the marker, end of word


@dataclass(frozen=True, slots=True, kw_only=True)
class ElmoSettings:
    """The keys of the options file that shape the network."""

    dim: int  # S, of the LSTMs' cells
    projection_dim: int  # H, of their states, and of a word
    n_layers: int
    cell_clip: float | None
    proj_clip: float | None
    filters: tuple[tuple[int, int], ...]  # (characters, how many)
    n_highway: int
    activation: str
    layer_mix: str = "average"

    def __post_init__(self) -> None:
        activation(self.activation)
        if self.layer_mix not in ("average", "learned"):
            raise ModelError(f"config.json says layer_mix={self.layer_mix!r}; known are average, learned")


def settings(config: Mapping[str, Any]) -> ElmoSettings:
    """The settings of a published options file."""
    if not all(isinstance(config.get(part), Mapping) for part in ("lstm", "char_cnn")):
        raise ModelError("config.json lacks 'lstm' or 'char_cnn': complete it from the published options file")
    cnn = {**config["char_cnn"], "filters": tuple(tuple(one) for one in config["char_cnn"].get("filters", ()))}
    flat = {"cell_clip": None, "proj_clip": None} | {**config["lstm"], **cnn}
    flat |= {key: config[key] for key in ("layer_mix", "do_layer_norm") if key in config}
    only = {
        "use_skip_connections": True,
        "max_characters_per_token": CHARACTERS,
        "n_characters": (262, 261),  # as published for use, and for training
        "do_layer_norm": False,
    }
    return read_settings(ElmoSettings, flat, only=only)


def keys(settings: ElmoSettings) -> dict[str, str]:
    """Our names to the paths in the published file."""
    table = {"characters": "char_embed", "projection.weight": "CNN_proj/W_proj", "projection.bias": "CNN_proj/b_proj"}
    for i in range(len(settings.filters)):
        table |= {f"filters.{i}.{ours}": f"CNN/{theirs}_cnn_{i}" for ours, theirs in (("weight", "W"), ("bias", "b"))}
    for i in range(settings.n_highway):
        for ours, theirs in (("gate", "carry"), ("update", "transform")):
            table[f"highway.{i}.{ours}.weight"] = f"CNN_high_{i}/W_{theirs}"
            table[f"highway.{i}.{ours}.bias"] = f"CNN_high_{i}/b_{theirs}"
    for direction in range(2):
        for i in range(settings.n_layers):
            place = f"RNN_{direction}/RNN/MultiRNNCell/Cell{i}/LSTMCell"
            table |= {f"lstm.{direction}.{i}.{name}": f"{place}/{name}" for name in ("W_0", "B", "W_P_0")}
    if settings.layer_mix == "learned":
        scalars = (f"scalar_parameters.{j}" for j in range(settings.n_layers + 1))
        table |= {f"mix.{name}": f"scalar_mix_0.{name}" for name in ("gamma", *scalars)}
    return table


def forward(ops: Ops[A], weights: Weights, settings: ElmoSettings, inputs: Inputs[A]) -> A:
    """Word states (B, T, 2H)."""
    scope = Scope(ops, weights)
    ids = ops.add(inputs.ids, ops.constant(np.array(-1, np.int64)))  # published ids begin at 1, for 0 is padding
    ids = ops.apply(ids, "absolute")  # what padding reads does not matter, but it must be in the table
    # The edges are mapped as vectors, not as a text of two words, so that calibration tells them from texts.
    edges = _mapped(scope, settings, ops.reshape(_features(scope, settings, _edges(ops, inputs.mask)), (2, -1)))
    x = _between(ops, _mapped(scope, settings, _features(scope, settings, ids)), edges)  # (B, T + 2, H)
    mask = _longer(ops, inputs.mask)
    stacks = [_stack(scope.inside(f"lstm.{direction}"), settings, x, mask) for direction in range(2)]
    layers = [ops.concat(list(both)) for both in zip(*stacks, strict=True)]  # (B, T + 2, 2H) each
    mixed = _mix(scope, settings, layers)
    turned = ops.transpose(mixed, (0, 2, 1))
    return ops.transpose(ops.part(turned, 1, -1), (0, 2, 1))


def _edges(ops: Ops[A], mask: A) -> A:
    """The words that begin and end a text: (1, 2, C).

    They are looked up by a value of the mask, for either the same: what depends on no input OpenVINO computes as it
    compiles, and with two streams that sometimes goes wrong behind a convolution (2026.4.1).
    """
    either = ops.part(ops.max(mask, 0), 0, 1)  # (1,)
    return ops.lookup(np.stack([_EDGES, _EDGES]), either)


def _features(scope: Scope[A], settings: ElmoSettings, ids: A) -> A:
    """What the filters find in the characters of words: (B, T, C) to (B, T, F)."""
    ops = scope.ops
    characters = ops.transpose(ops.embed(scope["characters"], ids), (0, 3, 1, 2))  # (B, I, T, C)
    found = []
    for i in range(len(settings.filters)):
        kernel = scope[f"filters.{i}.weight"][0].swapaxes(0, 2)  # (O, I, K)
        windows = ops.convolve(characters, kernel[:, :, None], scope[f"filters.{i}.bias"])  # (B, O, T, C')
        found.append(ops.transpose(ops.max(windows, 3), (0, 2, 1)))
    return ops.apply(ops.concat(found), activation(settings.activation))


def _mapped(scope: Scope[A], settings: ElmoSettings, x: A) -> A:
    """Features (..., F) to what words are without their neighbours (..., H)."""
    for i in range(settings.n_highway):
        x = _highway(scope.inside(f"highway.{i}"), x)
    return _linear(scope, "projection", x, site="projection.input")


def _highway(scope: Scope[A], x: A) -> A:
    """A gate between an update and what was there (Srivastava et al. 2015, arXiv:1505.00387, equation 3)."""
    ops = scope.ops
    gate = ops.apply(_linear(scope, "gate", x, site="input"), "sigmoid")
    update = ops.apply(_linear(scope, "update", x, site="input"), "relu")
    kept = ops.multiply(x, ops.constant(np.array(-1, np.float32)))
    return ops.add(x, ops.multiply(gate, ops.add(update, kept)))


def _linear(scope: Scope[A], part: str, x: A, *, site: str) -> A:
    return scope.ops.linear(x, scope[f"{part}.weight"].T, scope[f"{part}.bias"], site=scope.full(site))


def _between(ops: Ops[A], x: A, edges: A) -> A:
    """The words (B, T, H) between those that begin and end a text (2, H). Padding may stand between too."""
    turned, ends = ops.transpose(x, (0, 2, 1)), ops.transpose(edges, (1, 0))
    none = ops.multiply(ops.part(turned, 0, 1), ops.constant(np.array(0, np.float32)))  # (B, H, 1)
    first, last = (ops.add(none, ops.part(ends, i, i + 1)) for i in range(2))
    return ops.transpose(ops.concat([first, turned, last]), (0, 2, 1))


def _longer(ops: Ops[A], mask: A) -> A:
    """The mask with a 1 on either side: (B, T + 2)."""
    none = ops.multiply(ops.part(mask, 0, 1), ops.constant(np.array(0, np.int64)))
    one = ops.add(none, ops.constant(np.array(1, np.int64)))  # (B, 1)
    return ops.concat([one, mask, one])


def _stack(scope: Scope[A], settings: ElmoSettings, x: A, mask: A) -> list[A]:
    """The words and then the states of each layer of one direction, (B, T, H) each."""
    found = [x]
    for i in range(settings.n_layers):
        cell = _cell(scope.inside(str(i)), settings)
        states = scope.ops.lstm(found[-1], mask, cell, reverse=scope.name.endswith("1"))
        found.append(scope.ops.add(states, found[-1]) if i else states)
    return found


def _cell(scope: Scope[A], settings: ElmoSettings) -> Cell:
    size, width = settings.dim, settings.projection_dim
    order = np.arange(4 * size).reshape(4, size)[[0, 2, 1, 3]].reshape(-1)  # theirs are input, cell, forget, output
    both: Array = scope["W_0"].T[order]  # (4S, I + H)
    return Cell(
        input_weight=both[:, :-width],
        state_weight=both[:, -width:],
        bias=scope["B"][order],
        project=scope["W_P_0"].T,
        clip_cell=settings.cell_clip,
        clip_state=settings.proj_clip,
        forget_bias=1.0,
    )


def _mix(scope: Scope[A], settings: ElmoSettings, layers: list[A]) -> A:
    ops, count = scope.ops, len(layers)
    if settings.layer_mix == "average":
        shares = [ops.constant(np.array(1 / count, np.float32))] * count
    else:
        scores = ops.concat([ops.constant(scope[f"mix.scalar_parameters.{j}"]) for j in range(count)])
        scaled = ops.multiply(ops.softmax(scores), ops.constant(scope["mix.gamma"]))
        shares = [ops.part(scaled, j, j + 1) for j in range(count)]
    weighted = [ops.multiply(layer, share) for layer, share in zip(layers, shares, strict=True)]
    mixed = weighted[0]
    for one in weighted[1:]:
        mixed = ops.add(mixed, one)
    return mixed


PLUGIN = Family(
    settings=settings,
    keys=keys,
    forward=forward,
    width=lambda settings: 2 * int(settings.projection_dim),
    most_tokens=lambda _: None,
    characters=CHARACTERS,
)
