"""Token states (B, T, D) and a mask (B, T) to one vector each (B, D). To add one, add a function."""

from collections.abc import Callable
from typing import Any

from likewise.modelling.ops import Ops
from likewise.registry import Table

Pool = Callable[[Ops[Any], Any, Any], Any]  # ops, states, mask -> vectors
POOLINGS: Table[Pool] = Table("pooling")


@POOLINGS.add("mean")
def mean(ops: Ops[Any], states: Any, mask: Any) -> Any:
    """Average of the real tokens."""
    return ops.mean_pool(states, mask)


@POOLINGS.add("cls")
def cls(ops: Ops[Any], states: Any, mask: Any) -> Any:
    """The first token."""
    del mask
    return ops.first_token(states)
