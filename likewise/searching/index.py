"""Documents that can be searched: the object that users hold."""

import json
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

import numpy as np

from likewise.encoding.catalogue import DEFAULT_MODEL
from likewise.encoding.contract import CANARIES, Contract, require_canaries
from likewise.encoding.encoder import Encoder
from likewise.encoding.lexical import ANALYZER, Analyzer
from likewise.encoding.models import Source, load
from likewise.encoding.multi_vector import MultiVectorEncoder, load_multi_vector
from likewise.errors import ArtifactError, SettingError
from likewise.searching.late_interaction import begin, bring_up_to_date, described, kept_vectors
from likewise.searching.pipeline import Question, Tools, answer
from likewise.searching.probes import Probe, of_example, of_question
from likewise.searching.requests import check_request, check_texts
from likewise.searching.reranking import LateReranker, Reranker, load_reranker
from likewise.searching.settings import SearchSettings, read_settings, write_settings
from likewise.storing import Filter, SqliteStore, Store, StoreSettings, open_store
from likewise.types import Document, Hit, Hits, Mode, Vectors

if TYPE_CHECKING:
    from likewise.chunking import ChunkSettings
    from likewise.searching.adding import AddReport, Progress
    from likewise.searching.reasons import Reasons

_MOST_UNRELATED = 0.95  # an encoder to which everything is alike is still told from one that sees no difference


class Index:
    """Documents that can be searched by meaning and by word, kept in a folder.

    Nothing is opened until it is needed, and no model is loaded to find out that nothing changed.

    Args:
        path: The index's folder; made on the first ``add``.
        model: Name or folder of the model; None is the one that the index was made with, or the default for a new one.
        precision: As in ``likewise.load``; the default is again the index's own.
        chunks: How documents are cut; the default is again the index's own.
        store: When the search engine beside SQLite comes in.
        source: Where the model may come from; the default revision is again the index's own.

    Example:
        index = Index("notes")
        index.add(likewise.read("handbook/"))
        hits = index.search("how do I get back into my account", k=5)
    """

    def __init__(
        self,
        path: str | Path,
        *,
        model: str | Path | None = None,
        precision: str | None = None,
        chunks: "ChunkSettings | None" = None,
        store: StoreSettings = StoreSettings(),
        source: Source = Source(),
    ) -> None:
        self.path = Path(path)
        self._model, self._precision, self._chunks, self._store_settings = model, precision, chunks, store
        self._source = source
        self._reader: SqliteStore | None = None
        self._encoder: Encoder | None = None
        self._checked = False  # the canaries, once for an opened index
        self._analyzer = Analyzer()
        self._rerankers: dict[str, Reranker] = {}

    def __repr__(self) -> str:
        return f"Index({str(self.path)!r})"

    def __len__(self) -> int:
        """Documents in the index; 0 if it was not made yet."""
        return self._reading().document_count() if is_index(self.path) else 0

    def add(
        self,
        documents: Iterable[Document],
        *,
        only: bool = False,
        vectors_from: Sequence[str | Path] = (),
        progress: "Progress" = lambda *_: None,
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
            vectors_from: Other indexes of the same model, cut in other ways perhaps: a text that one of them has
                embedded is not embedded again.
            progress: Called with what is going on, how much of it is done, and of how much (0 if not known).

        Raises:
            LockedError: Another process is writing to this index.
            ContractError: The index was made by another encoder.
            StorageError: The disk is full, read-only or failing; what was committed before is safe.
        """
        # Searching an index must not pay for the imports of reading and chunking: they take longer than a query.
        from likewise.searching.adding import Kitchen, add, chunk_settings, open_other

        with open_store(self.path, mode="write", settings=self._store_settings) as store:
            encoder = cache(lambda: self._encoder_for(store, progress))
            if self._model or self._precision:
                encoder()  # what was asked for must be the index's, even if there turns out to be nothing to encode
            chunks = chunk_settings(store, self._chunks, encoder, where=str(self.path))
            with ExitStack() as stack:
                others = [stack.enter_context(open_other(path, encoder)) for path in vectors_from]
                kitchen = Kitchen(encoder, self._analyzer, chunks, others)
                report = add(store, documents, kitchen, progress, only=only)
            if report.added or report.removed:
                if len(store) >= self._store_settings.engine_threshold:
                    progress("building the search engine's index", 0, 0)
                store.optimize()
            if described(store) and store.chunks_without_token_rows(most=1):
                bring_up_to_date(store, self._late_encoder(store), progress=progress)
        return report

    def keep_token_vectors(
        self, model: str | Path, *, precision: str = "int8", progress: "Progress" = lambda *_: None
    ) -> int:
        """Keep the vectors of each chunk's tokens too, so that a ColBERT model reranks without reading texts again.

        From then on ``add`` makes them for new chunks. Those of another model or precision are replaced. What was
        committed stays: a killed run goes on from there.

        Args:
            model: A ColBERT model, by name or folder.
            precision: "float16", or "int8" with a scale for each token.
            progress: As in ``add``.

        Returns:
            How many chunks got them.
        """
        encoder = load_multi_vector(model, source=replace(self._source, revision=None))
        with self._existing_for_writing() as store:
            begin(store, encoder, name=_lasting(str(model)), precision=precision)
            return bring_up_to_date(store, encoder, progress=progress)

    def search(
        self,
        query: str,
        *,
        k: int = 10,
        mode: Mode = "hybrid",
        where: str | Filter | None = None,
        unlike: Sequence[str] = (),
        settings: SearchSettings | None = None,
    ) -> Hits:
        """The chunks that answer a query best.

        Args:
            query: A question, or words.
            k: How many hits at most.
            mode: "dense" compares meaning, "lexical" words (BM25), "hybrid" fuses both.
            where: Keeps only documents whose metadata match, such as ``'lang = "en" and year >= 2020'``.
            unlike: Texts whose meaning the hits shall not have.
            settings: How to answer this once; by default as the index is configured.

        Returns:
            Best first; ties go to the chunk that was added first. Fewer than ``k`` if fewer match. A hit's score is
            that of the last stage that scored it; its ranks tell of each.

        Raises:
            SettingError: A blank query, a ``k`` below 1, an unknown mode, or a filter that can't be read.
            ArtifactError: There is no index here, or it is damaged.
            ContractError: The index was made by another encoder.
        """
        tree = check_request(query, k=k, mode=mode, where=where)
        check_texts(unlike, "unlike")
        store = self._reading()
        if len(store) == 0:
            return Hits()
        return self._answer(self.probe(query, unlike=unlike), k=k, mode=mode, where=tree, settings=settings)

    def like(
        self,
        example: str | int,
        *,
        k: int = 10,
        mode: Mode = "dense",
        where: str | Filter | None = None,
        unlike: Sequence[str | int] = (),
        settings: SearchSettings | None = None,
    ) -> Hits:
        """More like something in the index, which itself is left out.

        Args:
            example: A document's id, or a chunk's (``Hit.chunk_id``).
            k: How many hits at most.
            mode: As in ``search``; the words are those of the example.
            where: As in ``search``.
            unlike: Documents or chunks, named in the same way, whose meaning the hits shall not have.
            settings: As in ``search``.

        Returns:
            As ``search``.

        Raises:
            SettingError: No such document or chunk, or what ``search`` refuses.
        """
        tree = check_request("like", k=k, mode=mode, where=where)
        if isinstance(unlike, str):
            raise SettingError(f"unlike is many examples, got one str: use unlike=[{unlike!r}]")
        store = self._reading()
        probe = of_example(example, unlike, store=store, analyzer=self._analyzer, where=str(self.path))
        return self._answer(probe, k=k, mode=mode, where=tree, settings=settings)

    def explain(self, query: str, hits: Sequence[Hit], *, settings: SearchSettings | None = None) -> list["Reasons"]:
        """Why each of some hits answers a query: shared words, what each word of it is worth, and the closest passage.

        Args:
            query: As it was searched.
            hits: What ``search`` gave.
            settings: As in ``search``. If the reranker is a ColBERT, the pairs of tokens that made its score are told.

        Returns:
            In the order of ``hits``, without those whose chunk is gone.
        """
        # Only who asks why pays for it.
        from likewise.searching.reasons import Witnesses, explain

        check_request(query, k=1, mode="hybrid", where=None)
        store, settings = self._reading(), settings or self.settings()
        by_meaning = any(set(hit.ranks) - {"lexical"} for hit in hits)
        reranker = self._reranker_for(settings.reranker) if settings.reranker else None
        late = reranker.encoder if isinstance(reranker, LateReranker) else None
        encoder = self._encoder_for(store, lambda *_: None) if by_meaning else None
        return explain(Witnesses(store, self._analyzer, encoder, late), query, hits, settings)

    def settings(self) -> SearchSettings:
        """How this index answers: what ``configure`` kept, or the defaults."""
        return read_settings(self._reading(), where=str(self.path))

    def configure(self, settings: SearchSettings) -> None:
        """Answer so from now on, in this process and in others.

        Raises:
            LockedError: Another process is writing to this index.
        """
        with self._existing_for_writing() as store:
            write_settings(store, settings)

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

    def tools(self) -> Tools:
        """What the stages in ``likewise.searching.pipeline`` work with, for those who run them one by one."""
        store = self._reading()
        return Tools(store, self._reranker_for, _unrelated(store))

    def probe(self, query: str, *, unlike: Sequence[str] = ()) -> Probe:
        """What a search for a question looks for; its vector is made when it is asked for."""
        store = self._reading()
        return of_question(query, unlike, analyzer=self._analyzer, encoder=lambda: self._encoder_of(store))

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

    def _answer(
        self,
        probe: Probe,
        *,
        k: int,
        mode: Mode,
        where: Filter | None,
        settings: SearchSettings | None,
    ) -> Hits:
        question = Question(probe=probe, k=k, mode=mode, where=where, settings=settings or self.settings())
        return answer(self.tools(), question)

    def _encoder_of(self, store: Store) -> Encoder:
        return self._encoder_for(store, lambda *_: None)

    def _reranker_for(self, name: str) -> Reranker:
        """A reranker, loaded once; a ColBERT takes the token vectors that this index keeps if they are its own."""
        if name not in self._rerankers:

            def kept(encoder: MultiVectorEncoder, chunks: Sequence[int]) -> dict[int, Vectors]:
                return kept_vectors(self._reading(), encoder, chunks)

            self._rerankers[name] = load_reranker(name, kept=kept, source=replace(self._source, revision=None))
        return self._rerankers[name]

    def _late_encoder(self, store: Store) -> MultiVectorEncoder:
        """The encoder of the token vectors that this index keeps."""
        kept = described(store)
        assert kept is not None
        return load_multi_vector(kept["model"], source=replace(self._source, revision=None))

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
            store.write_setting("analyzer", ANALYZER)
            store.write_setting("contract", self._encoder.contract.to_json())
            return self._encoder
        self._encoder.contract.require(contract, where=str(self.path))
        if not self._checked:
            kept = np.array(json.loads(store.read_setting("canaries") or "[]"), np.float32)
            require_canaries(_canaries(self._encoder), kept, precision=contract.precision, where=str(self.path))
            self._checked = True
        return self._encoder

    def _reading(self) -> SqliteStore:
        if self._reader is None:
            store = open_store(self.path, mode="read", settings=self._store_settings)
            analyzer = store.read_setting("analyzer")
            if analyzer not in (None, ANALYZER):
                store.close()
                raise ArtifactError(f"{self.path} holds words of analyzer {analyzer}, this is {ANALYZER}: index anew")
            self._reader = store
        return self._reader

    def _existing_for_writing(self) -> SqliteStore:
        if not is_index(self.path):
            raise ArtifactError(f"{self.path} is no index: add documents to it first")
        return open_store(self.path, mode="write", settings=self._store_settings)


def _lasting(name: str) -> str:
    """A model's name as it is found again from any working folder."""
    return str(Path(name).resolve()) if Path(name).is_dir() else name


def _unrelated(store: Store) -> float:
    """The cosine of texts that have nothing in common: the mean of those of the canaries."""
    vectors = np.array(json.loads(store.read_setting("canaries") or "[]"), np.float32)  # (N, D)
    if len(vectors) < 2:
        return 0.0
    cosines = vectors @ vectors.T
    return float(np.clip(cosines[np.triu_indices(len(vectors), 1)].mean(), 0.0, _MOST_UNRELATED))


def _canaries(encoder: Encoder) -> Vectors:
    return encoder.encode(CANARIES, role="query", overflow="chunk")


def is_index(path: Path) -> bool:
    """Whether an index was made in this folder."""
    return (path / "store.sqlite3").is_file()
