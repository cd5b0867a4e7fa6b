"""A checkpoint as one function: ids and mask (B, T) to vectors (B, D), by whichever interpreter."""

from collections.abc import Mapping, Sequence
from typing import TypeVar

from likewise.modelling.checkpoints import Checkpoint
from likewise.modelling.ops import Array, Inputs, Ops, Weights
from likewise.modelling.ops.onnx_ops import INPUTS, OnnxOps
from likewise.modelling.ops.onnx_weights import WeightForm
from likewise.modelling.parts import Scope

A = TypeVar("A")
OUTPUTS = {"dense": "sentence_embedding", "sparse": "sentence_embedding", "multi_vector": "token_embeddings"}


def run(ops: Ops[A], checkpoint: Checkpoint, weights: Weights, inputs: Inputs[A]) -> A:
    """What the model gives.

    Returns:
        (B, D) for dense models, (B, V) for sparse ones, (B, T, D) for those with a vector a token, (B, labels) for
        scorers.
    """
    settings, head = checkpoint.settings, checkpoint.chain.head
    x = checkpoint.family.forward(ops, weights, settings, inputs)  # (B, T, D)
    if head is not None:
        x = checkpoint.family.heads[head].forward(ops, weights, settings, x, inputs)
    for i, link in enumerate(checkpoint.chain.links):
        x = link.step.apply(Scope(ops, weights, f"steps.{i}"), x, inputs)
    return x


def takes(checkpoint: Checkpoint, every: Inputs[A]) -> Inputs[A]:
    """Of all possible inputs, those that the model's network takes."""
    pooled = every.pooled if checkpoint.chain.splits_prompt else None
    return Inputs(every.ids, every.mask, every.segments if checkpoint.reads_segments else None, pooled)


def to_onnx(checkpoint: Checkpoint, weights: Mapping[str, Array], *, form: WeightForm | None = None) -> bytes:
    """The whole model as an ONNX file; ``form`` says how weights are kept, float32 if None."""
    ops = OnnxOps(form)
    inputs = takes(checkpoint, INPUTS)
    found = run(ops, checkpoint, weights, inputs)
    shape: Sequence[int | str] = ["B", checkpoint.dimension]
    if checkpoint.chain.kind == "multi_vector":
        shape = ["B", "T", checkpoint.dimension]
    name = OUTPUTS.get(checkpoint.chain.kind, "logits")
    return ops.finish({name: (found, shape)}, inputs=inputs, characters=checkpoint.family.characters)
