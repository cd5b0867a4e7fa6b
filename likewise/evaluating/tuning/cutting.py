"""The index that is tuned, and the same documents cut in other ways, each an index of its own in a kept folder."""

import json
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Self

from likewise.chunking import ChunkSettings
from likewise.encoding.contract import Contract
from likewise.encoding.models import Source
from likewise.errors import DataError
from likewise.evaluating.keeping import Keeper
from likewise.evaluating.subjects import Progress
from likewise.evaluating.tuning.listing import Listing, list_index
from likewise.evaluating.tuning.trying import Cutting
from likewise.reading import Reading, read
from likewise.searching.adding import content_hash
from likewise.searching.index import Index
from likewise.settings import from_dict, to_dict
from likewise.storing import Store, open_store
from likewise.types import Document


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What an index was made with."""

    path: Path
    model: str
    revision: str | None
    contract: Contract
    chunks: ChunkSettings
    analyzer: str

    def sibling(self, path: Path, chunks: ChunkSettings) -> Index:
        """An index of the same model in another folder, which cuts documents otherwise."""
        return Index(
            path,
            model=self.model,
            precision=self.contract.precision,
            chunks=chunks,
            analyzer=self.analyzer,
            source=Source(revision=self.revision),
        )


def read_facts(store: Store, path: Path) -> Facts:
    """What an index was made with.

    Raises:
        DataError: It holds nothing yet.
    """
    contract, chunks, model, analyzer = map(store.read_setting, ("contract", "chunks", "model", "analyzer"))
    if contract is None or chunks is None or model is None or analyzer is None or not len(store):
        raise DataError(f"{path} holds no document to search for: add documents to it first")
    return Facts(
        path=path,
        model=model,
        revision=store.read_setting("revision"),
        contract=Contract.from_json(contract),
        chunks=from_dict(ChunkSettings, json.loads(chunks)),
        analyzer=analyzer.rpartition("-")[0],  # its name, without the version
    )


def own_documents(path: Path) -> Reading | None:
    """The documents of an index, to be read again from the files that they came from; None if some came from none."""
    with open_store(path, mode="read") as store:
        files = list(store.files())
        read_before = sum(len(store.documents_of(file)) for file in files)
        if not files or read_before < store.document_count() or not all(Path(file).is_file() for file in files):
            return None
    return read(*files)


class Cuttings:
    """One index cut in several ways. Those that it has not are made on first use, and kept.

    Args:
        path: The index.
        documents: What it holds, to be cut again; none if it is not.
        folder: Where what is found out is kept.
        progress: Told what is being done.

    Raises:
        ArtifactError: There is no index, or it is damaged.
        DataError: It is empty, or ``documents`` are not what it holds.
    """

    def __init__(self, path: Path, documents: Iterable[Document], *, folder: Path, progress: Progress) -> None:
        self._stack = ExitStack()
        try:
            store = self._stack.enter_context(open_store(path, mode="read"))
            self.facts, self.listing = read_facts(store, path), list_index(store)
            self._documents = documents if isinstance(documents, Reading) else list(documents)
            self._digest = _digest(self._documents, store, self.listing) if self._documents else ""
            self.keeper = self._stack.enter_context(Keeper(folder / "tuning.sqlite3"))
            self._folder, self._progress = folder / "cut", progress
            index = self._stack.enter_context(Index(path))
            self._known = {self._key(self.facts.chunks): self._cutting(index, self.listing)}
            self.search = index.settings()
        except BaseException:
            self._stack.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def of(self, chunks: ChunkSettings) -> Cutting:
        """The documents cut in some way."""
        key = self._key(chunks)
        if key not in self._known:
            path = self._folder / key
            index = self._stack.enter_context(self.facts.sibling(path, chunks))
            index.add(self._documents, vectors_from=self._paths(), progress=self._progress)
            with open_store(path, mode="read") as store:
                self._known[key] = self._cutting(index, list_index(store))
        return self._known[key]

    def save(self, path: Path, chunks: ChunkSettings) -> Index:
        """A new index of the same documents, cut in some way."""
        index = self.facts.sibling(path, chunks)
        index.add(self._documents, vectors_from=[*self._paths(), self._folder / self._key(chunks)])
        return index

    def _paths(self) -> list[Path]:
        return [self.facts.path, *(self._folder / key for key in list(self._known)[1:])]

    def _cutting(self, index: Index, listing: Listing) -> Cutting:
        digest = sha256(f"{listing.digest} {self.facts.contract.to_json()}".encode()).hexdigest()
        return Cutting(index, list(listing.spans), digest)

    def _key(self, chunks: ChunkSettings) -> str:
        told = json.dumps([to_dict(chunks), self._digest, self.facts.contract.to_json()], sort_keys=True)
        return sha256(told.encode()).hexdigest()[:32]


def _digest(documents: Iterable[Document], store: Store, listing: Listing) -> str:
    """Of all documents; they must be those of the index."""
    digest, seen = sha256(), set()
    for document in documents:
        its_hash = content_hash(document)
        if store.document_hashes([document.id]).get(document.id) != its_hash:
            raise DataError(
                f"document {document.id!r} is not in the index as it is now: index the documents again before tuning, "
                "or leave them out to keep how they are cut"
            )
        seen.add(document.id)
        digest.update(its_hash)
    if missing := sorted(set(listing.lengths) - seen):
        raise DataError(
            f"the index holds {missing[0]!r}, which is not among the documents given to be cut again: give all of them"
        )
    return digest.hexdigest()
