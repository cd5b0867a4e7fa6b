"""What an index holds: where its chunks lie, and what its documents are called."""

import os
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

from likewise.errors import DataError, UnknownNameError
from likewise.evaluating.spans import Span
from likewise.storing import Store, StoredChunk

_BLOCK = 10_000  # chunks fetched at a time


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """The chunks of an index and the names of its documents."""

    spans: Mapping[int, Span]  # by the chunk's id
    lengths: Mapping[str, int]  # of documents: characters up to their last that is not blank
    names: Mapping[str, Sequence[str]]  # what a document may be called → ids; a file's name stands for all in it
    is_blank: Callable[[str], bool]  # whether there is a document of that id without any chunk
    digest: str  # of all chunks: listings of one digest hold the same

    def documents_named(self, name: str, place: str) -> Sequence[str]:
        """The documents of a name.

        Raises:
            DataError: There is none.
        """
        for known in (name, os.path.normpath(name), os.path.normpath(Path(name).absolute())):
            if known in self.names:
                return self.names[known]
        if self.is_blank(name):
            return [name]
        short = [known for known in self.names if not Path(known).is_absolute()]
        raise DataError(f"{place}: {UnknownNameError('document', name, short or self.names)}")

    def length(self, document: str) -> int:
        """How long a document is; 0 if it is blank."""
        return self.lengths.get(document, 0)


def list_index(store: Store) -> Listing:
    """Everything that a store holds, read once: some 100,000 chunks a second."""
    spans: dict[int, Span] = {}
    lengths: dict[str, int] = defaultdict(int)
    names: dict[str, dict[str, None]] = defaultdict(dict)
    digest, start = blake2b(digest_size=16), 1
    while len(spans) < len(store):  # numbers ascend and are never used twice, so that all are found
        for chunk in store.fetch(range(start, start + _BLOCK)):
            spans[chunk.id] = Span(chunk.document_id, chunk.start, chunk.end)
            digest.update(repr((chunk.id, chunk.document_id, chunk.start, chunk.heading, chunk.text)).encode())
            if chunk.document_id not in lengths:
                for name in _names(chunk):
                    names[name][chunk.document_id] = None
            lengths[chunk.document_id] = max(lengths[chunk.document_id], chunk.end)
        start += _BLOCK
    return Listing(
        spans=spans,
        lengths=dict(lengths),
        names={name: list(ids) for name, ids in names.items()},
        is_blank=lambda name: name not in lengths and bool(store.document_hashes([name])),
        digest=digest.hexdigest(),
    )


def _names(chunk: StoredChunk) -> set[str]:
    file, mark, number = chunk.document_id.partition("#")
    below = str(chunk.metadata.get("path", chunk.document_id))  # the folder that was read
    return {chunk.document_id, chunk.source, file, below, f"{below}{mark}{number}"}
