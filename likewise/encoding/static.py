"""Static models: the rows of a table, averaged over the tokens of a text. No network runs, so none is compiled."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from likewise.encoding.compiled import contract_of
from likewise.encoding.contract import Contract
from likewise.encoding.engines import Collect, Feed
from likewise.errors import SettingError
from likewise.modelling.checkpoints import Checkpoint
from likewise.modelling.ops import Inputs
from likewise.modelling.ops.numpy_ops import NumpyOps
from likewise.modelling.parts import Scope
from likewise.modelling.static_files import TABLES
from likewise.tokenizing import Tokenizer, open_tokenizer
from likewise.tokenizing.bare import open_bare_tokenizer
from likewise.types import Vectors

PRECISIONS = ("float32", "float16", "int8")
_PIECE = 4096  # tokens whose rows are fetched together: what a text of any length takes
_INT8 = 127


class StaticEngine:
    """Averages rows of a table; ``open_static`` makes one. Beside ``run`` it has a faster way, without batches.

    Args:
        checkpoint: The model.
        precision: What the table is kept in. The sums are float32.
    """

    budget_tokens = 1 << 14

    def __init__(self, checkpoint: Checkpoint, precision: str) -> None:
        weights: dict[str, NDArray[Any]] = checkpoint.weights()
        table, scales = weights["tokens"], weights.get("weights")
        self._places: NDArray[np.int64] | None = weights.get("mapping")  # (V,) each token's row; None: one a token
        if precision == "int8" and table.dtype != np.int8:
            table, steps = in_eight_bits(table)
            steps = steps if self._places is None else steps[self._places]
            scales = steps if scales is None else steps * scales
        self._table = table if table.dtype == np.int8 else table.astype(precision, copy=False)  # (rows, D)
        self._scales = scales  # (V,) what each token's row is multiplied by; None: nothing
        self._links, self._weights = checkpoint.chain.links, weights
        self._ones = np.ones(_PIECE, np.float32)

    def average(self, ids: Sequence[NDArray[np.int64]]) -> Vectors:
        """The vector of each text, of its ids (T,): (N, D). A text without tokens has zeros."""
        sums = np.zeros((len(ids), self._table.shape[1]), np.float32)
        for i, one in enumerate(ids):
            self._add(one[:_PIECE], sums[i])
            for start in range(_PIECE, len(one), _PIECE):
                self._add(one[start : start + _PIECE], sums[i])
        lengths = np.fromiter(map(len, ids), np.float32, len(ids))
        sums /= np.maximum(lengths, 1)[:, None]
        return self._after(sums)

    def run(self, feeds: Iterable[Feed], collect: Collect) -> None:
        for rows, inputs in feeds:
            pairs = zip(inputs.ids[: len(rows)], inputs.mask, strict=False)
            collect(rows, self.average([ids[mask > 0] for ids, mask in pairs]))

    def export(self) -> bytes:
        return b""

    def _add(self, ids: NDArray[np.int64], to: NDArray[np.float32]) -> None:
        """Add the weighted rows of tokens (T,) to a sum (D,): one product, several times faster than numpy's sums."""
        places = ids if self._places is None else self._places[ids]
        rows = self._table.take(places, axis=0).astype(np.float32, copy=False)  # (T, D)
        to += np.dot(self._ones[: len(ids)] if self._scales is None else self._scales[ids], rows)

    def _after(self, vectors: Vectors) -> Vectors:
        """What the model makes of the averages (N, D)."""
        nothing: NDArray[Any] = np.empty((len(vectors), 0), np.int64)  # what comes after an average reads no tokens
        for i, link in enumerate(self._links[1:], start=1):
            scope = Scope(NumpyOps(), self._weights, f"steps.{i}")
            vectors = link.step.apply(scope, vectors, Inputs(nothing, nothing))
        return vectors


def open_static(checkpoint: Checkpoint, precision: str) -> tuple[StaticEngine, Contract]:
    """The engine and the contract of a static model.

    Args:
        checkpoint: The model.
        precision: "float32", "float16", "int8" (a scale a row), or "auto", which is float32.

    Raises:
        SettingError: It is another precision.
        ArtifactError: The weights are damaged.
    """
    chosen = "float32" if precision == "auto" else precision
    if chosen not in PRECISIONS:
        raise SettingError(f"precision is {precision!r}; a static model has auto, {', '.join(PRECISIONS)}")
    return StaticEngine(checkpoint, chosen), contract_of(checkpoint, precision=chosen)


def tokenizer_of(checkpoint: Checkpoint) -> Tokenizer:
    """The model's tokenizer; that of a static model puts nothing around texts.

    Raises:
        ModelError, ArtifactError: As ``open_tokenizer``.
    """
    if not checkpoint.chain.static:
        return open_tokenizer(checkpoint.network)
    return open_bare_tokenizer(checkpoint.network, known_only=checkpoint.config["table"] != TABLES[0])


def in_eight_bits(table: NDArray[np.float32]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Rows as whole numbers to ±127, and what each row (rows,) is to be multiplied by."""
    reach = np.abs(table).max(axis=1)
    reach[reach == 0] = 1
    return np.rint(table * (_INT8 / reach)[:, None]).astype(np.int8), (reach / _INT8).astype(np.float32)
