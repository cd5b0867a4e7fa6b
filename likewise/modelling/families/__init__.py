"""One file per family of networks: its settings, its key table and its forward function."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from typing import Any, TypeVar

from likewise.errors import ModelError
from likewise.modelling.ops import Inputs, Ops, Weights
from likewise.registry import Folder

S = TypeVar("S")
T = TypeVar("T")
Keys = Callable[[Any], dict[str, str]]  # settings -> {our name: the published name}
Forward = Callable[[Ops[Any], Weights, Any, Inputs[Any]], Any]  # ops, weights, settings, inputs -> states (B, T, D)


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What a checkpoint may have on top of the network: a file's ``HEADS`` name theirs."""

    keys: Keys
    forward: Callable[[Ops[Any], Weights, Any, Any, Inputs[Any]], Any]  # ops, weights, settings, states, inputs


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """What a family's file gives as ``PLUGIN``."""

    settings: Callable[[Mapping[str, Any]], Any]  # the checkpoint's config.json -> a settings dataclass
    keys: Keys
    forward: Forward
    width: Callable[[Any], int] = lambda settings: int(settings.hidden_size)  # D of the states
    most_tokens: Callable[[Mapping[str, Any]], int | None] = lambda config: config.get("max_position_embeddings")
    heads: Mapping[str, Head] = field(default_factory=dict)  # "masked_language" and "classification"
    segments: bool = False  # whether pairs of texts are told apart by Inputs.segments
    characters: int = 0  # of a word, for networks that read characters instead of token ids
    # What forward passes would otherwise do each time: settings, weights -> the weights to run with.
    fold: Callable[[Any, Weights], Weights] = lambda _settings, weights: weights


def _has_no_forward(*_: Any) -> Any:
    raise ModelError("this network has no family here: it runs on the transformers engine alone")


FOREIGN = Family(
    settings=dict, keys=lambda _: {}, forward=_has_no_forward, width=lambda config: int(config["hidden_size"])
)
"""Stands for a network that has no family here and runs through transformers."""

FAMILIES: Folder[Family] = Folder("model family", "likewise.modelling.families")

# Networks that are published under another family's model_type: (model_type, a mark in architectures or auto_map).
_MARKED = {
    ("bert", "JinaBert"): "jina_bert",
    ("xlm-roberta", "XLMRobertaLoRA"): "jina_v3",
    ("jina_embeddings_v3", "JinaEmbeddingsV3"): "jina_v3",
    ("new", "New"): "gte_new",
    ("gte", "Gte"): "gte_new",
}


def family_name(config: Mapping[str, Any]) -> str:
    """The name of the family that a ``config.json`` belongs to, whether or not there is one here."""
    kind = str(config.get("model_type", ""))
    marks = [*(config.get("architectures") or []), *(config.get("auto_map") or {}).values()]
    for (model_type, mark), name in _MARKED.items():
        if kind == model_type and any(mark in str(one) for one in marks):
            return name
    return kind.replace("-", "_")


def read_settings(
    cls: type[S], config: Mapping[str, Any], *, names: Mapping[str, str] = {}, only: Mapping[str, Any] = {}
) -> S:
    """A settings dataclass from a published ``config.json``, whose other keys concern training.

    Args:
        cls: The dataclass.
        config: The published keys and values.
        names: Our field to the published key, where they differ.
        only: Published keys of which the family knows this value (or these values, a tuple) alone; a key that is
            not there has it.

    Raises:
        ModelError: A key is missing, or has a value that the family can't run.
    """
    for key, known in only.items():
        values = known if isinstance(known, tuple) else (known,)
        if config.get(key, values[0]) not in values:
            raise ModelError(
                f"config.json says {key}={config[key]!r}; this family knows {' or '.join(map(repr, values))} alone"
            )
    found: dict[str, Any] = {}
    for one in fields(cls):  # type: ignore[arg-type]  # a dataclass
        key = names.get(one.name, one.name)
        if key in config:
            found[one.name] = config[key]
        elif one.default is MISSING and one.default_factory is MISSING:
            raise ModelError(
                f"config.json has no {key!r}, which shapes the network: complete it from the published file"
            )
    return cls(**found)


def module_keys(table: Mapping[str, str], *, bias: bool = True) -> dict[str, str]:
    """Of modules, ours to the published, the keys of the weight and, where it has one, the bias."""
    kinds = ("weight", "bias")[: 1 + bias]
    return {f"{ours}.{kind}": f"{theirs}.{kind}" for ours, theirs in table.items() for kind in kinds}


def rename(tensors: Mapping[str, T], keys: Mapping[str, str], *, prefixes: Iterable[str] | None = None) -> dict[str, T]:
    """Tensors under our names; arguments and errors are those of ``names_in``."""
    return {ours: tensors[name] for ours, name in names_in(tensors, keys, prefixes=prefixes).items()}


def names_in(
    tensors: Mapping[str, Any], keys: Mapping[str, str], *, prefixes: Iterable[str] | None = None
) -> dict[str, str]:
    """Our names to those of a file, which may have "bert." or the like in front where a head was saved on top.

    Args:
        tensors: What the file holds.
        keys: Our names to the published ones.
        prefixes: Those that may be; None is any.

    Raises:
        ModelError: With no prefix are all tensors there.
    """
    parts = [name.split(".") for name in tensors]
    before = {".".join(one[:count]) + "." for one in parts for count in (1, 2)}  # "bert.", "model.language_model."
    known = sorted(before | {""}) if prefixes is None else list(prefixes)
    found = {
        prefix: {ours: _spelled(tensors, prefix + published) for ours, published in keys.items()} for prefix in known
    }
    missing = {prefix: [name for name in names.values() if name not in tensors] for prefix, names in found.items()}
    best = min(known, key=lambda prefix: len(missing[prefix]))
    if missing[best]:
        raise ModelError(
            f"the weights lack {len(missing[best])} of {len(keys)} tensors, first {missing[best][0]!r}: "
            "the file is not of the architecture that config.json names, or was cut short"
        )
    return found[best]


def _spelled(tensors: Mapping[str, Any], name: str) -> str:
    """A name as the file has it: norms that were first saved by TensorFlow have a gamma and a beta."""
    older = name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta")
    return older if name not in tensors and older in tensors else name
