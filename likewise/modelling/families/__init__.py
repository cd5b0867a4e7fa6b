"""One file per family of networks: its settings, its key table and its forward function."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from likewise.errors import ModelError
from likewise.modelling.ops import Array, Ops
from likewise.registry import Folder

Weights = Mapping[str, Array]
Forward = Callable[[Ops[Any], Weights, Any, Any, Any], Any]  # ops, weights, settings, ids, mask -> states (B, T, D)


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """What a family's file gives as ``PLUGIN``."""

    settings: Callable[[Mapping[str, Any]], Any]  # the checkpoint's config.json -> a settings dataclass
    keys: Callable[[Any], dict[str, str]]  # settings -> {our name: the published name}
    forward: Forward


FAMILIES: Folder[Family] = Folder("model family", "likewise.modelling.families")


def rename(tensors: Mapping[str, Array], keys: Mapping[str, str]) -> dict[str, Array]:
    """Tensors under our names, float32.

    Raises:
        ModelError: A tensor that the family needs is not there.
    """
    prefixes = {name.split(".", 1)[0] + "." for name in tensors} | {""}  # "bert." when a head was saved on top
    for prefix in sorted(prefixes):
        if all(prefix + published in tensors for published in keys.values()):
            return {ours: _float32(tensors[prefix + published]) for ours, published in keys.items()}
    missing = [published for published in keys.values() if published not in tensors]
    raise ModelError(
        f"the weights lack {len(missing)} of {len(keys)} tensors, first {missing[0]!r}: "
        "the file is not of the architecture that config.json names, or was cut short"
    )


def _float32(tensor: Array) -> Array:
    return tensor.astype("float32", copy=False)
