"""Vectors of tokens kept in an index: in half precision or 8 bits, and brought up to date with its chunks."""

import json
import struct
from collections.abc import Callable, Sequence

import numpy as np

from likewise.encoding.contract import Contract
from likewise.encoding.multi_vector import MultiVectorEncoder
from likewise.errors import ArtifactError, SettingError
from likewise.searching.reranking import shown_text
from likewise.storing import Store
from likewise.types import Vectors

_HEAD = struct.Struct("<cH")  # kind, width
_KINDS = {"float16": b"h", "int8": b"b"}
_BATCH = 64  # chunks to a commit: what a killed run may lose
_LEVELS = 127
_KEPT_AS = "token vectors"


def to_row(vectors: Vectors, precision: str) -> bytes:
    """Token vectors (T, D) as the bytes of one row; int8 has a scale for each token, by its greatest value."""
    head = _HEAD.pack(_KINDS[precision], vectors.shape[1])
    if precision == "float16":
        return head + vectors.astype("<f2").tobytes()
    scales = np.abs(vectors).max(axis=1, initial=0.0) / _LEVELS  # (T,)
    codes = np.rint(vectors / np.where(scales > 0, scales, 1)[:, None]).astype(np.int8)
    return head + scales.astype("<f4").tobytes() + codes.tobytes()


def from_row(row: bytes) -> Vectors:
    """The token vectors (T, D) float32 of a row.

    Raises:
        ArtifactError: The row was written by another version.
    """
    kind, width = _HEAD.unpack_from(row)
    body = memoryview(row)[_HEAD.size :]
    if kind == _KINDS["float16"]:
        return np.frombuffer(body, "<f2").reshape(-1, width).astype(np.float32)
    if kind != _KINDS["int8"]:
        raise ArtifactError("token vectors of a kind that this version does not know: upgrade likewise")
    tokens = len(body) // (width + 4)
    scales = np.frombuffer(body, "<f4", count=tokens)
    codes = np.frombuffer(body, np.int8, offset=4 * tokens).reshape(tokens, width)
    vectors: Vectors = codes * scales[:, None]
    return vectors


def begin(store: Store, encoder: MultiVectorEncoder, *, name: str, precision: str) -> None:
    """Take a model as that of the index's token vectors; those of another model, or of another precision, go.

    Raises:
        SettingError: ``precision`` is none of float16 and int8.
    """
    if precision not in _KINDS:
        raise SettingError(f"precision is {precision!r}; token vectors are kept in {' or '.join(_KINDS)}")
    wanted = {"model": name, "precision": precision, "contract": encoder.contract.to_json()}
    if wanted != described(store):
        store.clear_token_rows()
        store.write_setting(_KEPT_AS, json.dumps(wanted, sort_keys=True))


def described(store: Store) -> dict[str, str] | None:
    """The model, precision and contract of the token vectors that are kept; None if none are."""
    kept = store.read_setting(_KEPT_AS)
    return json.loads(kept) if kept else None


def bring_up_to_date(
    store: Store, encoder: MultiVectorEncoder, *, progress: Callable[[str, int, int], None] = lambda *_: None
) -> int:
    """Give every chunk that has none its token vectors; returns how many. A killed run goes on where it stopped.

    Raises:
        ContractError: They were begun with another encoder.
    """
    kept = described(store)
    if kept is None:
        raise SettingError("no model was chosen for this index's token vectors: use keep_token_vectors")
    encoder.contract.require(Contract.from_json(kept["contract"]), where="the table of token vectors")
    total, done = len(store), 0
    while numbers := store.chunks_without_token_rows(most=_BATCH):
        chunks = store.fetch(numbers)
        vectors = encoder.encode([shown_text(chunk) for chunk in chunks], role="document", overflow="truncate")
        store.write_token_rows({c.id: to_row(v, kept["precision"]) for c, v in zip(chunks, vectors, strict=True)})
        done += len(chunks)
        progress("token vectors", min(done, total), total)
    return done


def kept_vectors(store: Store, encoder: MultiVectorEncoder, chunks: Sequence[int]) -> dict[int, Vectors]:
    """The token vectors (T, D) of those chunks that have some, if this encoder made them; else none."""
    kept = described(store)
    if kept is None or encoder.contract != Contract.from_json(kept["contract"]):
        return {}
    return {number: from_row(row) for number, row in store.token_rows(chunks).items()}
