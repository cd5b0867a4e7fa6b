"""The learned sparse vectors of an index: made by one encoder, held to its contract."""

import json
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from likewise.encoding.contract import CANARIES, Contract, require_canaries
from likewise.encoding.models import Source
from likewise.encoding.sparse import SparseEncoder, SparseVector, load_sparse
from likewise.errors import SettingError
from likewise.storing import SparseWeights, Store
from likewise.types import Vectors

_MODEL, _CONTRACT, _CANARIES = "sparse_model", "sparse_contract", "sparse_canaries"


class LearnedSparse:
    """What an index knows of its sparse encoder, which is loaded when it is needed.

    Args:
        asked: Name or folder of the model; None is the index's own, if it has one.
        source: Where the model may come from; its revision is that of the dense model and is left out.
        where: The index, for messages.
    """

    def __init__(self, asked: str | Path | None, *, source: Source, where: str) -> None:
        self._asked, self._where = asked, where
        self._source = replace(source, revision=None)
        self._encoder: SparseEncoder | None = None

    def is_used(self, store: Store) -> bool:
        """Whether the index has such vectors, or is to have them.

        Raises:
            SettingError: They were asked for, and the index was made without.
        """
        if store.read_setting(_CONTRACT):
            return True
        if self._asked and len(store):
            raise SettingError(f"{self._where} was made without sparse vectors: index into another folder")
        return self._asked is not None

    def rows(self, store: Store, texts: Sequence[str]) -> list[SparseWeights]:
        """A vector for each text, as the store keeps them."""
        encoder = self._encoder_of(store)
        return [_weights(vector) for vector in encoder.encode(texts, role="document", overflow="truncate")]

    def query(self, store: Store, text: str) -> SparseWeights:
        """The vector of a question."""
        (vector,) = self._encoder_of(store).encode([text], role="query", overflow="chunk")
        return _weights(vector)

    def _encoder_of(self, store: Store) -> SparseEncoder:
        if self._encoder is not None:
            return self._encoder
        stored = store.read_setting(_CONTRACT)
        kept = Contract.from_json(stored) if stored else None
        model = self._asked or store.read_setting(_MODEL)
        if model is None:
            raise SettingError(f"{self._where} names no sparse model: open it with sparse=")
        encoder = load_sparse(model, precision=kept.precision if kept else "auto", source=self._source)
        now = _canaries(encoder)
        if kept is None:
            store.write_setting(_MODEL, str(Path(model).resolve()) if Path(model).is_dir() else str(model))
            store.write_setting(_CANARIES, json.dumps([[v.terms.tolist(), v.weights.tolist()] for v in now]))
            store.write_setting(_CONTRACT, encoder.contract.to_json())
        else:
            encoder.contract.require(kept, where=self._where)
            then = json.loads(store.read_setting(_CANARIES) or "[]")
            unit = partial(_unit, width=kept.dimension)
            before = [SparseVector(np.array(terms, np.int64), np.array(w, np.float32)) for terms, w in then]
            require_canaries(unit(now), unit(before), precision=kept.precision, where=self._where)
        self._encoder = encoder
        return encoder


def _canaries(encoder: SparseEncoder) -> list[SparseVector]:
    return encoder.encode(CANARIES, role="document", overflow="truncate")


def _unit(vectors: Sequence[SparseVector], *, width: int) -> Vectors:
    """(N, V), of unit length."""
    rows = np.zeros((len(vectors), width), np.float32)
    for row, vector in zip(rows, vectors, strict=True):
        row[vector.terms] = vector.weights / max(float(np.linalg.norm(vector.weights)), 1e-30)
    return rows


def _weights(vector: SparseVector) -> SparseWeights:
    return SparseWeights(vector.terms.astype(np.uint32), vector.weights.astype(np.float32))
