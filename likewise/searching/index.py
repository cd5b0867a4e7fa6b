"""Documents that can be searched: the object that users hold."""

import json
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

import numpy as np

from likewise.encoding.catalogue import DEFAULT_MODEL
from likewise.encoding.contract import CANARIES, Contract, require_canaries
from likewise.encoding.encoder import Encoder
from likewise.encoding.lexical import AUTO, VERSION, Analyzer, analyzer_names, chosen_analyzer
from likewise.encoding.models import Source, load
from likewise.errors import ArtifactError, SettingError, UnknownNameError
from likewise.searching.fusion import WEIGHTS, reciprocal_rank
from likewise.searching.learned_sparse import LearnedSparse
from likewise.storing import Filter, Ranking, SqliteStore, Store, StoreSettings, open_store, parse_filter
from likewise.types import Document, Hit, Mode, Vectors

if TYPE_CHECKING:
    from likewise.chunking import ChunkSettings
    from likewise.searching.adding import AddReport, Progress

_DEPTH = 100  # chunks that each retriever hands to fusion


class Index:
    """Documents that can be searched by meaning and by word, kept in a folder.

    Nothing is opened until it is needed, and no model is loaded to find out that nothing changed.

    Args:
        path: The index's folder; made on the first ``add``.
        model: Name or folder of the model; None is the one that the index was made with, or the default for a new one.
        precision: As in ``likewise.load``; the default is again the index's own.
        chunks: How documents are cut; the default is again the index's own.
        analyzer: How texts become words: a language, "plain", or "auto", which looks at the first documents; the
            default is again the index's own, and "auto" for a new one.
        sparse: Name or folder of a model of learned sparse vectors (SPLADE), which are a third way of searching; the
            default is again the index's own, and none for a new one.
        store: When the search engine beside SQLite comes in.
        source: Where the model may come from; the default revision is again the index's own.

    Example:
        index = Index("notes")
        index.add(likewise.read("handbook/"))
        hits = index.search("how do I get back into my account", k=5)
    """

    def __init__(  # noqa: PLR0913 - all that a new index may be made with
        self,
        path: str | Path,
        *,
        model: str | Path | None = None,
        precision: str | None = None,
        chunks: "ChunkSettings | None" = None,
        analyzer: str | None = None,
        sparse: str | Path | None = None,
        store: StoreSettings = StoreSettings(),
        source: Source = Source(),
    ) -> None:
        self.path = Path(path)
        self._model, self._precision, self._chunks, self._store_settings = model, precision, chunks, store
        self._source = source
        self._reader: SqliteStore | None = None
        self._encoder: Encoder | None = None
        self._checked = False  # the canaries, once for an opened index
        if analyzer not in (None, AUTO, *analyzer_names()):
            raise UnknownNameError("analyzer", str(analyzer), [AUTO, *analyzer_names()])
        self._analyzer_name = analyzer
        self._sparse = LearnedSparse(sparse, source=source, where=str(path))
        self._analyzer: Analyzer | None = None

    def __repr__(self) -> str:
        return f"Index({str(self.path)!r})"

    def __len__(self) -> int:
        """Documents in the index; 0 if it was not made yet."""
        return self._reading().document_count() if is_index(self.path) else 0

    def add(
        self, documents: Iterable[Document], *, only: bool = False, progress: "Progress" = lambda *_: None
    ) -> "AddReport":
        """Bring the index up to date with ``documents``.

        What is as it was costs nothing: files that look as they did are not opened, documents whose content is
        known are not cut, texts whose vector is known are not encoded. ``likewise.read(folder)`` stands for the
        whole folder: what vanished from it is removed from the index. Other iterables only add and replace, by id.

        What was committed is on the disk at every moment: a killed run loses a few seconds of work, and the next one
        goes on from there.

        Args:
            documents: From ``likewise.read``, or any of your own.
            only: The files of ``documents`` are all that the index shall hold: files from elsewhere are removed too.
            progress: Called with what is going on, how much of it is done, and of how much (0 if not known).

        Raises:
            LockedError: Another process is writing to this index.
            ContractError: The index was made by another encoder.
            StorageError: The disk is full, read-only or failing; what was committed before is safe.
        """
        # Searching an index must not pay for the imports of reading and chunking: they take longer than a query.
        from likewise.searching.adding import Kitchen, add, chunk_settings

        with open_store(self.path, mode="write", settings=self._store_settings) as store:
            encoder = cache(lambda: self._encoder_for(store, progress))
            if self._model or self._precision:
                encoder()  # what was asked for must be the index's, even if there turns out to be nothing to encode
            chunks = chunk_settings(store, self._chunks, encoder, where=str(self.path))
            sparse = partial(self._sparse.rows, store) if self._sparse.is_used(store) else None
            kitchen = Kitchen(encoder, lambda texts: self._analyzer_for(store, texts), chunks, sparse)
            report = add(
                store,
                documents,
                kitchen,
                progress,
                only=only,
            )
            if report.added or report.removed:
                if len(store) >= self._store_settings.engine_threshold:
                    progress("building the search engine's index", 0, 0)
                store.optimize()
        return report

    def search(self, query: str, *, k: int = 10, mode: Mode = "hybrid", where: str | Filter | None = None) -> list[Hit]:
        """The chunks that answer a query best.

        Args:
            query: A question, or words.
            k: How many hits at most.
            mode: "dense" compares meaning, "lexical" words (BM25), "sparse" learned sparse vectors, "hybrid" fuses all
                that the index has by reciprocal rank.
            where: Keeps only documents whose metadata match, such as ``'lang = "en" and year >= 2020'``.

        Returns:
            Best first; ties go to the chunk that was added first. Fewer than ``k`` if fewer match.

        Raises:
            SettingError: A blank query, a ``k`` below 1, an unknown mode, or a filter that can't be read.
            ArtifactError: There is no index here, or it is damaged.
            ContractError: The index was made by another encoder.
        """
        tree = check_request(query, k=k, mode=mode, where=where)
        store = self._reading()
        if len(store) == 0:
            return []
        rankings = self._rankings(store, query, mode, max(k, _DEPTH), tree)
        best = reciprocal_rank(rankings, k=k, weights=WEIGHTS) if mode == "hybrid" else rankings[mode]
        return _hits(store, Ranking(best.ids[:k], best.scores[:k]), rankings)

    def delete(self, document_ids: Sequence[str]) -> int:
        """Remove documents by id; returns how many there were. ``compact`` then takes their text off the disk."""
        if isinstance(document_ids, str):
            raise SettingError(f"delete() takes many ids, got one str: use delete([{document_ids!r}])")
        with self._existing_for_writing() as store:
            return store.delete(document_ids)

    def compact(self) -> None:
        """Give space back. What was deleted is in no file of the index afterwards."""
        self.close()
        with self._existing_for_writing() as store:
            store.compact()

    def verify(self) -> list[str]:
        """Read everything and name what is damaged; an empty list means the index is sound."""
        return self._reading().verify()

    def contract(self) -> Contract | None:
        """What the vectors of this index can be compared with; None as long as no encoder was needed."""
        stored = self._reading().read_setting("contract")
        return Contract.from_json(stored) if stored else None

    def close(self) -> None:
        """Let go of the files. The index can be used again afterwards."""
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _rankings(
        self, store: SqliteStore, query: str, mode: Mode, depth: int, where: Filter | None
    ) -> dict[str, Ranking]:
        """Both retrievers at once: the words are looked up while the query is encoded."""

        def lexical() -> Ranking:
            words = self._analyzer_for(store, [query]).count([query])[0]
            return store.search_lexical(words.terms, words.counts.astype(np.float32), k=depth, where=where)

        def dense() -> Ranking:
            encoder = self._encoder_for(store, lambda *_: None)
            vector = encoder.encode([query], role="query", overflow="chunk")[0]  # (D,)
            return store.search_dense(vector, k=depth, where=where)

        def sparse() -> dict[str, Ranking]:
            return {"sparse": self._sparse.ranking(store, query, k=depth, where=where)}

        if mode == "sparse":
            if not self._sparse.is_used(store):
                raise SettingError(f"{self.path} has no sparse vectors: index into another folder with sparse=MODEL")
            return sparse()
        if mode == "lexical":
            return {"lexical": lexical()}
        if mode == "dense":
            return {"dense": dense()}
        with ThreadPoolExecutor(1) as pool:
            words = pool.submit(lexical)
            found = {"dense": dense(), "lexical": words.result()}
        return found | sparse() if self._sparse.is_used(store) else found

    def _encoder_for(self, store: Store, progress: "Progress") -> Encoder:
        """The encoder of this index, loaded once and held to its contract; a new index takes it as its own."""
        stored = store.read_setting("contract")
        contract = Contract.from_json(stored) if stored else None
        if self._encoder is None:
            own, source = store.read_setting("model"), self._source
            model = self._model or own or DEFAULT_MODEL
            if model == own and source.revision is None:
                source = replace(source, revision=store.read_setting("revision"))
            precision = self._precision or (contract.precision if contract else "auto")
            self._encoder = load(model, precision=precision, source=source, progress=lambda what: progress(what, 0, 0))
        if contract is None:
            store.write_setting("canaries", json.dumps(_canaries(self._encoder).tolist()))
            store.write_setting("model", _lasting(self._encoder.name))
            if self._encoder.revision is not None:
                store.write_setting("revision", self._encoder.revision)
            store.write_setting("contract", self._encoder.contract.to_json())
            return self._encoder
        self._encoder.contract.require(contract, where=str(self.path))
        if not self._checked:
            kept = np.array(json.loads(store.read_setting("canaries") or "[]"), np.float32)
            require_canaries(_canaries(self._encoder), kept, precision=contract.precision, where=str(self.path))
            self._checked = True
        return self._encoder

    def _analyzer_for(self, store: Store, texts: Sequence[str]) -> Analyzer:
        """The analyzer of this index; a new one takes what was asked for, or what suits its first texts."""
        if self._analyzer is None:
            stored = store.read_setting("analyzer")
            if stored is None:
                self._analyzer = chosen_analyzer(self._analyzer_name or AUTO, texts)
                store.write_setting("analyzer", self._analyzer.record)
            else:
                self._analyzer = self._kept_analyzer(stored)
        return self._analyzer

    def _kept_analyzer(self, stored: str) -> Analyzer:
        name, _, version = stored.rpartition("-")
        if version != str(VERSION):
            raise ArtifactError(
                f"{self.path} holds words of analyzer {stored}, and this version of likewise makes those of version "
                f"{VERSION}: index the documents anew, into another folder"
            )
        if self._analyzer_name not in (None, AUTO, name):
            raise SettingError(
                f"{self.path} was made with analyzer {name!r}, not {self._analyzer_name!r}: index into another folder"
            )
        return Analyzer(name)

    def _reading(self) -> SqliteStore:
        if self._reader is None:
            store = open_store(self.path, mode="read", settings=self._store_settings)
            try:
                if (stored := store.read_setting("analyzer")) is not None:
                    self._analyzer = self._kept_analyzer(stored)
            except BaseException:
                store.close()
                raise
            self._reader = store
        return self._reader

    def _existing_for_writing(self) -> SqliteStore:
        if not is_index(self.path):
            raise ArtifactError(f"{self.path} is no index: add documents to it first")
        return open_store(self.path, mode="write", settings=self._store_settings)


def _lasting(name: str) -> str:
    """A model's name as it is found again from any working folder."""
    return str(Path(name).resolve()) if Path(name).is_dir() else name


def _canaries(encoder: Encoder) -> Vectors:
    return encoder.encode(CANARIES, role="query", overflow="chunk")


def is_index(path: Path) -> bool:
    """Whether an index was made in this folder."""
    return (path / "store.sqlite3").is_file()


def check_request(query: str, *, k: int, mode: str, where: str | Filter | None) -> Filter | None:
    """Refuse a request that no index could answer; gives the filter, parsed.

    Raises:
        SettingError: See ``Index.search``.
    """
    if not isinstance(query, str) or not query.strip():
        raise SettingError("the query is blank: say in a few words what to look for")
    if not isinstance(k, int) or k < 1:
        raise SettingError(f"k is {k!r}; it must be a whole number, at least 1")
    if mode not in ("hybrid", "dense", "lexical", "sparse"):
        raise SettingError(f"mode is {mode!r}; it must be 'hybrid', 'dense', 'lexical' or 'sparse'")
    return parse_filter(where) if isinstance(where, str) else where


def _hits(store: Store, best: Ranking, rankings: dict[str, Ranking]) -> list[Hit]:
    ranks: dict[int, dict[str, tuple[int, float]]] = {int(chunk): {} for chunk in best.ids}
    for name, ranking in rankings.items():
        for rank, (chunk, score) in enumerate(zip(ranking.ids.tolist(), ranking.scores.tolist(), strict=True), 1):
            if chunk in ranks:
                ranks[chunk][name] = (rank, score)
    scores = dict(zip(best.ids.tolist(), best.scores.tolist(), strict=True))
    return [
        Hit(
            document_id=found.document_id,
            chunk_id=found.id,
            source=found.source,
            text=found.text,
            start=found.start,
            end=found.end,
            heading=found.heading,
            metadata=found.metadata,
            score=scores[found.id],
            ranks=ranks[found.id],
        )
        for found in store.fetch(best.ids.tolist())
    ]
