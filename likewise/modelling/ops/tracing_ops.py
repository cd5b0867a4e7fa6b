"""Runs a network plainly and keeps what a person would want to see of it: lookup, positions, attention."""

import numpy as np

from likewise.modelling.ops import Array
from likewise.modelling.ops.numpy_ops import NumpyOps, Values


class TracingOps(NumpyOps):
    """The reference interpreter with a memory. Use one for each text."""

    def __init__(self) -> None:
        super().__init__()
        self.looked_up: Values | None = None  # (B, T, D) rows of the vocabulary's table
        self.places: Values | None = None  # (B, T, D) what was added to them; None: positions come in later, or never
        self.attention_weights: list[Values] = []  # of each layer, (B, H, T, T): of each query over the keys

    def embed(self, table: Array, ids: Values) -> Values:
        self.looked_up = super().embed(table, ids)
        return self.looked_up

    def add(self, left: Values, right: Values) -> Values:
        if self.places is None and self.looked_up is not None and (left is self.looked_up or right is self.looked_up):
            other = right if left is self.looked_up else left
            self.places = np.broadcast_to(other, self.looked_up.shape)
        return super().add(left, right)

    def _mix(self, weights: Values, value: Values) -> Values:
        self.attention_weights.append(weights)
        return super()._mix(weights, value)
