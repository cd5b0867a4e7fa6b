"""A checkpoint as one function: ids and mask (B, T) to vectors (B, D), by whichever interpreter."""

from collections.abc import Mapping
from typing import TypeVar

from likewise.modelling.checkpoints import Checkpoint
from likewise.modelling.families import Weights
from likewise.modelling.ops import Ops
from likewise.modelling.ops.onnx_ops import OnnxOps, Range
from likewise.modelling.pooling import POOLINGS

A = TypeVar("A")


def vectors(ops: Ops[A], checkpoint: Checkpoint, weights: Weights, ids: A, mask: A) -> A:
    """Embed, pool and, if the model says so, normalise: (B, D)."""
    family = checkpoint.family
    states = family.forward(ops, weights, family.settings(checkpoint.config), ids, mask)  # (B, T, D)
    pooled: A = POOLINGS.find(checkpoint.pooling)(ops, states, mask)  # (B, D)
    return ops.normalise(pooled) if checkpoint.normalise else pooled


def to_onnx(
    checkpoint: Checkpoint, weights: Weights, *, ranges: Mapping[str, Range] | None = None, early: bool = True
) -> bytes:
    """The whole model as an ONNX file, in float32, or in int8 if there are ``ranges``; ``early`` as in ``OnnxOps``."""
    ops = OnnxOps(ranges, early=early)
    return ops.finish(vectors(ops, checkpoint, weights, "ids", "mask"), width=checkpoint.dimension)
