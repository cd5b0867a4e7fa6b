"""TextCNN: filters of several widths over word vectors, to be pooled by max (Kim 2014, arXiv:1408.5882).

There is no one published form. A folder has ``word_embeddings.weight`` (V, I) and, for each of ``kernel_sizes``,
``convs.J.weight`` (O, I, K) and ``convs.J.bias``, as torch names and keeps them. The state of a token is what the
filters find in the window that begins with it; behind the end of the text a window is filled with zeros.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from likewise.errors import ModelError
from likewise.modelling.families import Family, read_settings
from likewise.modelling.ops import Inputs, Ops, Weights
from likewise.modelling.parts import activation

A = TypeVar("A")
_ALL = (1 << 31) - 1  # beyond the end of any row


@dataclass(frozen=True, slots=True, kw_only=True)
class TextCnnSettings:
    """The keys of ``config.json`` that shape the network."""

    kernel_sizes: tuple[int, ...]
    num_filters: int  # of each size
    hidden_act: str = "relu"

    def __post_init__(self) -> None:
        activation(self.hidden_act)
        if not self.kernel_sizes or min(self.kernel_sizes) < 1:
            raise ModelError(
                f"kernel_sizes is {list(self.kernel_sizes)}; expected numbers of tokens, such as [3, 4, 5]"
            )


def settings(config: Mapping[str, Any]) -> TextCnnSettings:
    """The settings of a ``config.json``."""
    return read_settings(TextCnnSettings, {**config, "kernel_sizes": tuple(config.get("kernel_sizes") or ())})


def keys(settings: TextCnnSettings) -> dict[str, str]:
    """Our names to the published ones."""
    return {"tokens": "word_embeddings.weight"} | {
        f"filters.{i}.{kind}": f"convs.{i}.{kind}"
        for i in range(len(settings.kernel_sizes))
        for kind in ("weight", "bias")
    }


def forward(ops: Ops[A], weights: Weights, settings: TextCnnSettings, inputs: Inputs[A]) -> A:
    """Token states (B, T, sizes·O)."""
    x = ops.multiply(ops.embed(weights["tokens"], inputs.ids), ops.real(inputs.mask))
    x = ops.transpose(x, (0, 2, 1))  # (B, I, T)
    found = []
    for i, size in enumerate(settings.kernel_sizes):
        kernel, bias = (weights[f"filters.{i}.{kind}"] for kind in ("weight", "bias"))
        windows = ops.convolve(x, kernel, bias, padding=size - 1)  # (B, O, T + K - 1), from before the text on
        found.append(ops.transpose(ops.part(windows, size - 1, _ALL), (0, 2, 1)))
    return ops.apply(ops.concat(found), activation(settings.hidden_act))


PLUGIN = Family(
    settings=settings,
    keys=keys,
    forward=forward,
    width=lambda settings: int(settings.num_filters) * len(settings.kernel_sizes),
    most_tokens=lambda _: None,
)
