"""What comes after the network in ``modules.json``, one step after another. To add one, add a class.

A step takes token states (B, T, D) or vectors (B, D) and gives the same or the other. ``STEPS`` knows each by the last
part of its published type, whatever package stands before it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from likewise.errors import ModelError
from likewise.modelling.ops import Inputs, Ops
from likewise.modelling.parts import ACTIVATIONS, Scope
from likewise.modelling.pooling import POOLINGS, mean_by_place
from likewise.registry import Table

A = TypeVar("A")
Config = Mapping[str, Any]


class Step(Protocol):
    def keys(self) -> dict[str, str]:
        """Our names of its weights to those in its own file; most have none."""
        ...

    def width(self, before: int) -> int:
        """The last axis of what it gives, for that of what it takes."""
        ...

    def apply(self, scope: Scope[A], x: A, inputs: Inputs[A]) -> A: ...

    def config(self) -> dict[str, Any]:
        """What its published ``config.json`` says."""
        ...


STEPS: Table[Callable[[Config], Step]] = Table("module of a model")

_POOLING_FLAGS = {  # the older spelling of pooling_mode: one flag for each
    "pooling_mode_cls_token": "cls",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens": "weightedmean",
    "pooling_mode_lasttoken": "lasttoken",
}
# Where several flags are set, vectors are joined in the order in which sentence-transformers has always joined them.
_FLAG_ORDER = ("cls", "max", "mean", "mean_sqrt_len_tokens", "weightedmean", "lasttoken")


@dataclass(frozen=True, slots=True)
class Weightless:
    """A step without weights that leaves the width as it is."""

    def keys(self) -> dict[str, str]:
        return {}

    def width(self, before: int) -> int:
        return before

    def config(self) -> dict[str, Any]:
        return {}


@dataclass(frozen=True, slots=True)
class Pooling:
    """Token states to one vector: the results of one or more poolings side by side."""

    modes: tuple[str, ...]
    include_prompt: bool
    dimension: int | None  # that of the states, as declared

    def keys(self) -> dict[str, str]:
        return {}

    def width(self, before: int) -> int:
        if self.dimension not in (None, before):
            raise ModelError(f"the pooling is declared for {self.dimension} dimensions, the network gives {before}")
        return before * len(self.modes)

    def apply(self, scope: Scope[A], x: A, inputs: Inputs[A]) -> A:
        found = [self._pool(mode, scope.ops, x, inputs) for mode in self.modes]
        return found[0] if len(found) == 1 else scope.ops.concat(found)

    def _pool(self, mode: str, ops: Ops[A], x: A, inputs: Inputs[A]) -> A:
        if inputs.pooled is None:
            return POOLINGS.find(mode)(ops, x, inputs.mask)
        if mode == "weightedmean":  # tokens keep the places that they have behind the prompt
            return mean_by_place(ops, x, inputs.pooled, ops.positions(inputs.mask))
        return POOLINGS.find(mode)(ops, x, inputs.pooled)

    def config(self) -> dict[str, Any]:
        if [name for name in _FLAG_ORDER if name in self.modes] == list(self.modes):  # what every version reads
            modes: dict[str, Any] = {flag: name in self.modes for flag, name in _POOLING_FLAGS.items()}
        else:
            modes = {"pooling_mode": list(self.modes)}
        return {"word_embedding_dimension": self.dimension, **modes, "include_prompt": self.include_prompt}


@STEPS.add("Pooling")
def pooling(config: Config) -> Step:
    """Reads the new spelling, ``pooling_mode``, and the old one, a flag each."""
    mode = config.get("pooling_mode")
    modes = [mode] if isinstance(mode, str) else list(mode or [])
    if not modes:
        flagged = [name for flag, name in _POOLING_FLAGS.items() if config.get(flag)]
        modes = sorted(flagged, key=_FLAG_ORDER.index)
    if not modes:
        raise ModelError('declares no pooling: say one, such as {"pooling_mode": "mean"}')
    for one in modes:
        POOLINGS.find(one)
    dimension = config.get("word_embedding_dimension", config.get("embedding_dimension"))
    return Pooling(tuple(modes), bool(config.get("include_prompt", True)), dimension)


@dataclass(frozen=True, slots=True)
class Dense:
    """A linear map and an activation."""

    in_features: int
    out_features: int
    bias: bool
    activation: str  # the last part of its published name: "Tanh", "Identity", …
    residual: bool

    def keys(self) -> dict[str, str]:
        found = {name: f"linear.{name}" for name in ("weight", "bias")[: 1 + self.bias]}
        return found | ({"residual": "residual.weight"} if self._maps_residual else {})

    @property
    def _maps_residual(self) -> bool:
        return self.residual and self.in_features != self.out_features

    def width(self, before: int) -> int:
        if before != self.in_features:
            raise ModelError(f"a Dense module takes {self.in_features} dimensions, what is before it gives {before}")
        return self.out_features

    def apply(self, scope: Scope[A], x: A, inputs: Inputs[A]) -> A:
        del inputs
        ops, site, bias = scope.ops, scope.full("input"), scope["bias"] if self.bias else None
        mapped = ops.apply(ops.linear(x, scope["weight"], bias, site=site), ACTIVATIONS[self.activation.lower()])
        if not self.residual:
            return mapped
        return ops.add(mapped, ops.linear(x, scope["residual"], None, site=site) if self._maps_residual else x)

    def config(self) -> dict[str, Any]:
        place = "torch.nn.modules.linear" if self.activation == "Identity" else "torch.nn.modules.activation"
        return {
            "in_features": self.in_features,
            "out_features": self.out_features,
            "bias": self.bias,
            "activation_function": f"{place}.{self.activation}",
        } | ({"use_residual": True} if self.residual else {})


@STEPS.add("Dense")
def dense(config: Config) -> Step:
    """A published Dense module."""
    activation = str(config.get("activation_function", "torch.nn.modules.activation.Tanh")).rsplit(".", 1)[-1]
    if activation.lower() not in ACTIVATIONS:
        raise ModelError(f"names the activation {activation!r}; known are {', '.join(sorted(ACTIVATIONS))}")
    sizes = int(config["in_features"]), int(config["out_features"])
    return Dense(*sizes, bool(config.get("bias", True)), activation, bool(config.get("use_residual", False)))


@dataclass(frozen=True, slots=True)
class LayerNorm:
    """Layer normalisation of a vector."""

    dimension: int

    def keys(self) -> dict[str, str]:
        return {name: f"norm.{name}" for name in ("weight", "bias")}

    def width(self, before: int) -> int:
        return before

    def apply(self, scope: Scope[A], x: A, inputs: Inputs[A]) -> A:
        del inputs
        return scope.ops.layer_norm(x, scope["weight"], scope["bias"], epsilon=1e-5)

    def config(self) -> dict[str, Any]:
        return {"dimension": self.dimension}


@STEPS.add("LayerNorm")
def layer_norm(config: Config) -> Step:
    """A published LayerNorm module."""
    return LayerNorm(int(config["dimension"]))


class Normalize(Weightless):
    """The last axis at unit length."""

    def apply(self, scope: Scope[A], x: A, inputs: Inputs[A]) -> A:
        del inputs
        return scope.ops.normalise(x)


@STEPS.add("Normalize")
def normalize(config: Config) -> Step:
    """A published Normalize module, whose folder is empty."""
    del config
    return Normalize()


@dataclass(frozen=True, slots=True)
class AttentionPooling:
    """A learned query that weighs the tokens (Yang et al. 2016, NAACL, equations 5 to 7). A module of ours."""

    dimension: int

    def keys(self) -> dict[str, str]:
        return {name: name for name in ("map.weight", "map.bias", "query.weight")}

    def width(self, before: int) -> int:
        return before

    def apply(self, scope: Scope[A], x: A, inputs: Inputs[A]) -> A:
        ops = scope.ops
        mask = inputs.mask if inputs.pooled is None else inputs.pooled
        mapped = ops.apply(scope.linear("map", x), "tanh")  # (B, T, D)
        scores = ops.hide(scope.linear("query", mapped), mask)  # (B, T, 1)
        weights = ops.softmax(ops.transpose(scores, (0, 2, 1)))  # (B, 1, T)
        return ops.reshape(ops.matmul(weights, x), (0, -1))

    def config(self) -> dict[str, Any]:
        return {"dimension": self.dimension}


@STEPS.add("AttentionPooling")
def attention_pooling(config: Config) -> Step:
    """Our AttentionPooling module."""
    return AttentionPooling(int(config["dimension"]))


@dataclass(frozen=True, slots=True)
class MultiVectorMask(Weightless):
    """Names the words whose vectors a document keeps none of; the network itself goes on as before."""

    skipped: tuple[str, ...]  # tokens
    skips_queries: bool

    def apply(self, scope: Scope[A], x: A, inputs: Inputs[A]) -> A:
        del scope, inputs
        return x

    def config(self) -> dict[str, Any]:
        tasks = ["query", "document"] if self.skips_queries else ["document"]
        return {"skiplist_words": list(self.skipped), "skiplist_tasks": tasks}


@STEPS.add("MultiVectorMask")
def multi_vector_mask(config: Config) -> Step:
    """A published MultiVectorMask module."""
    if config.get("keep_only_token_ids"):
        raise ModelError("keeps the vectors of some token ids only (keep_only_token_ids), which is not known here")
    tasks = config.get("skiplist_tasks") or ["document"]
    return MultiVectorMask(tuple(config.get("skiplist_words") or ()), "query" in tasks)


@dataclass(frozen=True, slots=True)
class SpladePooling:
    """Scores of the vocabulary at each token (B, T, V) to one sparse vector (B, V).

    Formal et al. 2021, arXiv:2109.10086, equation 1: ``max`` or ``sum`` over the tokens of log(1 + relu(score));
    "log1p_relu" takes the logarithm twice.
    """

    strategy: str
    activation: str

    def keys(self) -> dict[str, str]:
        return {}

    def width(self, before: int) -> int:
        return before

    def apply(self, scope: Scope[A], x: A, inputs: Inputs[A]) -> A:
        ops = scope.ops
        if self.strategy == "max":  # of the scores: no function here falls, and it is applied to a vector a text
            return self._weights(ops, ops.max(ops.hide(x, inputs.mask), 1))
        return ops.sum(ops.multiply(self._weights(ops, x), ops.real(inputs.mask)), 1)

    def _weights(self, ops: Ops[A], scores: A) -> A:
        weights = ops.apply(ops.apply(scores, "relu"), "log1p")
        return ops.apply(weights, "log1p") if self.activation == "log1p_relu" else weights

    def config(self) -> dict[str, Any]:
        return {"pooling_strategy": self.strategy, "activation_function": self.activation}


@STEPS.add("SpladePooling")
def splade_pooling(config: Config) -> Step:
    """A published SpladePooling module."""
    strategy, activation = config.get("pooling_strategy", "max"), config.get("activation_function", "relu")
    if strategy not in ("max", "sum") or activation not in ("relu", "log1p_relu"):
        raise ModelError(
            f"has SpladePooling with {strategy!r} and {activation!r}; known are max, sum; relu, log1p_relu"
        )
    return SpladePooling(strategy, activation)
