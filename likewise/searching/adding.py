"""Documents into a store: what changed is cut, embedded and committed; what did not costs a look at its file's state.

Commits are small, and each leaves the store in a state from which the next run goes on. A file is recorded as seen in
the commit that holds the last of its documents, so a run that was killed looks at that file again.
"""

import hashlib
import json
import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from likewise.chunking import ChunkSettings, chunk, embedded_text
from likewise.encoding.contract import Contract
from likewise.encoding.encoder import Encoder
from likewise.encoding.lexical import Analyzer, WordCounts
from likewise.errors import ReadingError, SettingError
from likewise.reading import FileState, Reading, Skipped
from likewise.settings import from_dict, to_dict
from likewise.storing import Changes, ChunkRow, DocumentRow, SparseWeights, SqliteStore, Store, StoredFile, open_store
from likewise.storing.filters import check_text
from likewise.types import Chunk, Document, Vectors

logger = logging.getLogger(__name__)

_COMMIT_CHUNKS = 512  # a few seconds of encoding: what a killed run may lose
_COMMIT_FILES = 2000  # files in one commit when none of them has anything to embed
_SETTLED_NS = 2_000_000_000  # a file changed less than this before it was looked at may change again in the same tick
_REFUSED = "refused files"  # the setting that remembers what could not be read, so that it is not read again

Progress = Callable[[str, int, int], None]  # what is going on, done, of how many (0 if not known)


@dataclass(slots=True)
class AddReport:
    """What one ``Index.add`` did."""

    files: int = 0  # seen
    unchanged: int = 0  # files, or documents that came from no file, that cost nothing
    added: int = 0  # documents, changed ones included
    removed: int = 0  # documents that are no longer there
    chunks: int = 0  # new ones
    reused: int = 0  # of them, those whose vector was known already
    tokens: int = 0  # encoded
    dropped_tokens: int = 0  # cut off by the model's maximum; 0 unless documents are indexed whole
    skipped: list[Skipped] = field(default_factory=list)
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Kitchen:
    """What turns a document into rows. The encoder is made when the first text needs one."""

    encoder: Callable[[], Encoder]
    analyzer: Callable[[Sequence[str]], Analyzer]  # from the first texts, by which a new index may choose
    chunks: ChunkSettings
    others: Sequence[Store] = ()  # stores of the same contract, whose vectors of the same texts are used again
    sparse: Callable[[Sequence[str]], list[SparseWeights]] | None = None  # learned sparse vectors, where there are any


@dataclass(frozen=True, slots=True)
class _Item:
    """A document to add, or the end of a file, or both."""

    document: Document | None
    content_hash: bytes = b""
    file: str | None = None
    seen: StoredFile | None = None  # set where the file's last document has gone by
    gone: Sequence[str] = ()  # documents that the file no longer has


@dataclass(frozen=True, slots=True)
class _Refusals:
    """Files that no document could be made of, so that they are not read again and yet are in every report."""

    by_path: dict[str, list[str]]  # path -> digest of the content that was refused, and the reason
    items: list[_Item] = field(default_factory=list)  # this run's

    def reason(self, path: str, digest: bytes) -> str:
        refused, reason = self.by_path.get(path, ("", ""))
        return reason if refused == digest.hex() else ""


def add(store: Store, documents: Iterable[Document], kitchen: Kitchen, progress: Progress, *, only: bool) -> AddReport:
    """Bring ``store`` up to date with ``documents``.

    A ``Reading`` stands for all that is below its roots: files that vanished from there are removed, and with ``only``
    also files from elsewhere. Any other iterable only adds and replaces.
    """
    started = time.monotonic()
    report = AddReport()
    items = (
        _from_files(store, documents, report, progress, only=only)
        if isinstance(documents, Reading)
        else _plain(documents)
    )
    for group in _groups(items, store, kitchen, report):
        _commit(store, group, kitchen, report)
    if isinstance(documents, Reading):
        report.skipped += documents.report.skipped
    report.seconds = time.monotonic() - started
    return report


def chunk_settings(
    store: Store, chosen: ChunkSettings | None, encoder: Callable[[], Encoder], *, where: str
) -> ChunkSettings:
    """How this index cuts documents; a new one takes what was chosen as its own, or else what fits its encoder.

    Raises:
        SettingError: Another way was chosen than the one that the index was made with, or one whose chunks are longer
            than the encoder takes.
    """
    stored = store.read_setting("chunks")
    if stored is None:
        room = encoder().contract.max_tokens - encoder().tokenizer.special_tokens
        new = chosen or ChunkSettings(max_tokens=min(ChunkSettings().max_tokens, room * 4 // 5))
        if new.way != "whole" and new.limit_tokens > room:
            raise SettingError(
                f"chunks of max_tokens={new.max_tokens} have up to {new.limit_tokens} tokens with their heading, "
                f"and {encoder().name} takes {room}: choose max_tokens={room * 4 // 5} or less"
            )
        store.write_setting("chunks", json.dumps(to_dict(new), sort_keys=True))
        return new
    kept = from_dict(ChunkSettings, json.loads(stored))
    if chosen not in (None, kept):
        raise SettingError(f"{where} was made with {kept}, not {chosen}: index into another folder")
    return kept


def open_other(path: str | Path, encoder: Callable[[], Encoder]) -> SqliteStore:
    """Another index, open for reading, whose vectors can stand beside those of an encoder.

    Raises:
        ContractError: They can't.
    """
    store = open_store(path, mode="read")
    try:
        if stored := store.read_setting("contract"):
            encoder().contract.require(Contract.from_json(stored), where=str(path))
    except BaseException:
        store.close()
        raise
    return store


def content_hash(document: Document) -> bytes:
    """Changes whenever something changes that the store keeps of a document."""
    facts = [document.text, document.source, document.format, document.language, dict(document.metadata)]
    sections = [[s.start, s.level, s.title] for s in document.sections]
    text = json.dumps([*facts, sections], sort_keys=True, default=str)
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _plain(documents: Iterable[Document]) -> Iterator[_Item]:
    if isinstance(documents, str | Document):
        raise SettingError("add() takes many documents: use add([Document(id=…, text=…)]) or add(read('folder'))")
    for document in documents:
        if not isinstance(document, Document):
            raise SettingError(
                f"add() takes Documents, got {type(document).__name__}: use Document(id='a name of its own', text=…)"
            )
        check_text(document.id, "the id of a document")
        yield _Item(document, content_hash(document))


def _from_files(
    store: Store, reading: Reading, report: AddReport, progress: Progress, *, only: bool
) -> Iterator[_Item]:
    """Documents of new and changed files; files that are as they were are passed over."""
    known = store.files()
    refused = json.loads(store.read_setting(_REFUSED) or "{}")
    refusals = _Refusals(dict(refused))
    files = list(reading.files())
    report.files = len(files)
    for number, file in enumerate(files):
        progress("indexing", number, len(files))
        before = known.get(file.path)
        if before and _same_state(file, before):
            report.unchanged += 1
            if reason := refusals.reason(file.path, before.sha256):
                reading.report.skip(file.path, reason)
            continue
        yield from _from_file(store, reading, file, before, refusals)
    if files:
        progress("indexing", len(files), len(files))
    vanished = list(_vanished(store, reading, present={file.path for file in files}, only=only))
    for item in vanished:
        refusals.by_path.pop(item.file or "", None)
    if refusals.by_path != refused:
        store.write_setting(_REFUSED, json.dumps(refusals.by_path, sort_keys=True))
    yield from refusals.items  # after the reasons are kept: a file that is recorded as seen is not read again
    yield from vanished


def _from_file(
    store: Store, reading: Reading, file: FileState, before: StoredFile | None, refusals: _Refusals
) -> Iterator[_Item]:
    try:
        file.path.encode()
    except UnicodeEncodeError:
        reading.report.skip(file.path, "its name is not valid UTF-8; rename it")
        return
    checked = time.time_ns()
    try:
        digest = bytes.fromhex(reading.digest(file))
    except ReadingError:  # it is in the report; what was indexed of it before stays
        return
    seen = _stored(file, digest, checked)
    if before and before.sha256 == digest and not refusals.reason(file.path, digest):
        yield _Item(None, seen=seen)
        return
    try:
        documents = reading.parse(file)
    except ReadingError as error:
        refusals.by_path[file.path] = [digest.hex(), str(error)]
        refusals.items.append(_Item(None, seen=seen, gone=store.documents_of(file.path)))
        return
    refusals.by_path.pop(file.path, None)
    ids = {document.id for document in documents}
    gone = [id for id in store.documents_of(file.path) if id not in ids] if before else []
    for document in documents:
        yield _Item(document, content_hash(document), file=file.path)
    yield _Item(None, seen=seen, gone=gone)


def _vanished(store: Store, reading: Reading, *, present: set[str], only: bool) -> Iterator[_Item]:
    """Files below the roots that are no longer there. What could not be looked at has not vanished."""
    unseen = tuple(skipped.path.rstrip("/") + "/" for skipped in reading.report.skipped)
    kept = {skipped.path for skipped in reading.report.skipped}
    roots = tuple(root.rstrip("/") + "/" for root in reading.roots)
    for path in store.files():
        below = only or path in reading.roots or path.startswith(roots)
        if below and path not in present and path not in kept and not path.startswith(unseen):
            yield _Item(None, file=path, gone=store.documents_of(path))


def _same_state(file: FileState, before: StoredFile) -> bool:
    now = file.size_bytes, file.modified_ns, file.changed_ns, file.inode
    then = before.size_bytes, before.modified_ns, before.changed_ns, before.inode
    return now == then and before.checked_ns - before.changed_ns > _SETTLED_NS


def _stored(file: FileState, digest: bytes, checked_ns: int) -> StoredFile:
    return StoredFile(
        path=file.path,
        size_bytes=file.size_bytes,
        modified_ns=file.modified_ns,
        changed_ns=file.changed_ns,
        inode=file.inode,
        sha256=digest,
        checked_ns=checked_ns,
    )


@dataclass(slots=True)
class _Group:
    """What goes into one commit."""

    items: list[_Item] = field(default_factory=list)
    chunks: dict[str, list[Chunk]] = field(default_factory=dict)  # by document id

    def is_full(self) -> bool:
        return sum(map(len, self.chunks.values())) >= _COMMIT_CHUNKS or len(self.items) >= _COMMIT_FILES


def _groups(items: Iterable[_Item], store: Store, kitchen: Kitchen, report: AddReport) -> Iterator[_Group]:
    """Commits to make, without the documents that the store has as they are."""
    group = _Group()
    for item in items:
        document = item.document
        if document is not None:
            if document.id in group.chunks:  # the later one replaces the earlier one, in a commit of its own
                yield group
                group = _Group()
            if store.document_hashes([document.id]).get(document.id) == item.content_hash:
                report.unchanged += item.file is None
                continue
            offsets = kitchen.encoder().tokenizer.offsets
            group.chunks[document.id] = chunk(document, offsets=offsets, settings=kitchen.chunks)
        group.items.append(item)
        if group.is_full():
            yield group
            group = _Group()
    if group.items:
        yield group


def _commit(store: Store, group: _Group, kitchen: Kitchen, report: AddReport) -> None:
    rows = _rows(store, group, kitchen, report)
    gone = [id for item in group.items for id in item.gone]
    store.commit(
        Changes(
            files=[item.seen for item in group.items if item.seen],
            documents=rows,
            removed_documents=[id for id in gone if id not in group.chunks],
            removed_files=[item.file for item in group.items if item.document is None and item.file],
        )
    )
    report.added += len(rows)
    report.removed += len(gone)


def _rows(store: Store, group: _Group, kitchen: Kitchen, report: AddReport) -> list[DocumentRow]:
    """Rows of all documents of a group; every text is embedded once, and not at all if its vector is known."""
    texts = {id: [embedded_text(c, settings=kitchen.chunks) for c in cut] for id, cut in group.chunks.items()}
    hashes = {text: _hash(text) for several in texts.values() for text in several}
    vectors = _vectors(store, hashes, kitchen, report)
    sides = _Sides(vectors, {}, {})
    if hashes:
        names = list(hashes)
        sides.words.update(zip(names, kitchen.analyzer(names).count(names), strict=True))
        sides.sparse.update(zip(names, kitchen.sparse(names), strict=True) if kitchen.sparse else ())
    rows = []
    for item in group.items:
        if item.document is None:
            continue
        cut = group.chunks[item.document.id]
        report.chunks += len(cut)
        rows.append(
            DocumentRow(
                id=item.document.id,
                source=item.document.source or item.document.id,
                metadata=item.document.metadata,
                content_hash=item.content_hash,
                file=item.file,
                chunks=_chunk_rows(cut, texts[item.document.id], hashes, sides),
            )
        )
    return rows


@dataclass(frozen=True, slots=True)
class _Sides:
    """What a text is found by."""

    vectors: dict[bytes, Vectors]  # by hash of the text
    words: dict[str, WordCounts]  # by text
    sparse: dict[str, SparseWeights]  # by text


def _chunk_rows(cut: Sequence[Chunk], texts: Sequence[str], hashes: dict[str, bytes], sides: _Sides) -> list[ChunkRow]:
    return [
        ChunkRow(
            text=one.text,
            start=one.start,
            end=one.end,
            heading=one.heading,
            embedded_hash=hashes[text],
            vector=sides.vectors[hashes[text]],
            terms=sides.words[text].terms,
            counts=sides.words[text].counts,
            stems=sides.words[text].stems,
            tokens=sides.words[text].length,
            sparse=sides.sparse.get(text),
        )
        for one, text in zip(cut, texts, strict=True)
    ]


def _vectors(store: Store, hashes: dict[str, bytes], kitchen: Kitchen, report: AddReport) -> dict[bytes, Vectors]:
    known: dict[bytes, Vectors] = {}
    for one in (store, *kitchen.others):
        known |= one.vectors_of([its_hash for its_hash in hashes.values() if its_hash not in known])
    missing = [text for text, its_hash in hashes.items() if its_hash not in known]
    report.reused += len(known)
    if missing:
        encoded = kitchen.encoder().encode_counted(missing, role="document", overflow="truncate")
        report.tokens += int(encoded.tokens.sum() - encoded.dropped.sum())
        report.dropped_tokens += int(encoded.dropped.sum())
        known |= {hashes[text]: vector for text, vector in zip(missing, encoded.vectors, strict=True)}
    if not all(np.isfinite(vector).all() for vector in known.values()):
        raise SettingError("the encoder gave a vector that is not finite; run 'likewise doctor'")
    return known


def _hash(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
