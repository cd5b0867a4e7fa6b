"""A checkpoint as one function: ids and mask (B, T) to vectors (B, D), by whichever interpreter."""

from collections.abc import Mapping, Sequence
from typing import TypeVar

from likewise.modelling.checkpoints import Checkpoint
from likewise.modelling.ops import Array, Inputs, Ops, Weights, onnx_file
from likewise.modelling.ops.onnx_ops import INPUTS, OnnxOps
from likewise.modelling.ops.onnx_weights import WeightForm
from likewise.modelling.parts import VOCABULARY, Scope

A = TypeVar("A")
OUTPUTS = {"dense": "sentence_embedding", "sparse": "sentence_embedding", "multi_vector": "token_embeddings"}
STATES = "last_hidden_state"  # the name of token states, as other programs expect it


def run(ops: Ops[A], checkpoint: Checkpoint, weights: Weights, inputs: Inputs[A]) -> A:
    """What the model gives.

    Returns:
        (B, D) for dense models, (B, V) for sparse ones, (B, T, D) for those with a vector a token, (B, labels) for
        scorers.
    """
    states = checkpoint.family.forward(ops, weights, checkpoint.settings, inputs)  # (B, T, D)
    return _after(ops, checkpoint, weights, states, inputs)


def _after(ops: Ops[A], checkpoint: Checkpoint, weights: Weights, x: A, inputs: Inputs[A]) -> A:
    """What the model makes of token states (B, T, D)."""
    if (head := checkpoint.chain.head) is not None:
        x = checkpoint.family.heads[head].forward(ops, weights, checkpoint.settings, x, inputs)
    for i, link in enumerate(checkpoint.chain.links):
        x = link.step.apply(Scope(ops, weights, f"steps.{i}"), x, inputs)
    return x


def takes(checkpoint: Checkpoint, every: Inputs[A]) -> Inputs[A]:
    """Of all possible inputs, those that the model's network takes."""
    pooled = every.pooled if checkpoint.chain.splits_prompt else None
    return Inputs(every.ids, every.mask, every.segments if checkpoint.reads_segments else None, pooled)


def to_onnx(
    checkpoint: Checkpoint,
    weights: Mapping[str, Array],
    *,
    form: WeightForm | None = None,
    keep: onnx_file.Keep = onnx_file.tensor,
    with_states: bool = False,
) -> bytes:
    """The whole model as an ONNX file.

    Args:
        checkpoint: The model.
        weights: Its folded weights.
        form: How weights are kept, float32 if None.
        keep: Makes a TensorProto of a constant.
        with_states: Give the token states (B, T, D) as a second output, for programs that pool themselves.
    """
    ops = OnnxOps(form, keep=keep, in_slices=VOCABULARY if checkpoint.chain.takes_greatest else "")
    inputs = takes(checkpoint, INPUTS)
    states = checkpoint.family.forward(ops, weights, checkpoint.settings, inputs)
    found = _after(ops, checkpoint, weights, states, inputs)
    shape: Sequence[int | str] = ["B", checkpoint.dimension]
    if checkpoint.chain.kind == "multi_vector":
        shape = ["B", "T", checkpoint.dimension]
    name = OUTPUTS.get(checkpoint.chain.kind, "logits")
    outputs = {name: (found, shape)}
    if with_states:
        outputs[STATES] = (states, ["B", "T", checkpoint.family.width(checkpoint.settings)])
    return ops.finish(outputs, inputs=inputs, characters=checkpoint.family.characters)
