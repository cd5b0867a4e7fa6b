"""Documents that can be searched: the object that users hold."""

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from likewise.encoding.contract import Contract
from likewise.encoding.models import Source
from likewise.encoding.multi_vector import MultiVectorEncoder, load_multi_vector
from likewise.errors import ArtifactError, SettingError
from likewise.searching.late_interaction import begin, bring_up_to_date, described, kept_vectors
from likewise.searching.learned_sparse import LearnedSparse
from likewise.searching.own_models import Asked, OwnModels, lasting, unrelated
from likewise.searching.pipeline import Question, Tools, answer, with_expansion, wording_for
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
        store: From how many chunks on vectors are searched by a shortlist, and what kind; whether queries are kept.
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
        self._chunks, self._store_settings = chunks, store
        self._source = source
        self._reader: SqliteStore | None = None
        asked = Asked(model=model, precision=precision, analyzer=analyzer, source=source)
        self._own, self._sparse = (
            OwnModels(asked, where=str(path)),
            LearnedSparse(sparse, source=source, where=str(path)),
        )
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
            encoder = cache(lambda: self._own.encoder(store, progress))
            if self._own.asked.model or self._own.asked.precision:
                encoder()  # what was asked for must be the index's, even if there turns out to be nothing to encode
            chunks = chunk_settings(store, self._chunks, encoder, where=str(self.path))
            sparse = partial(self._sparse.rows, store) if self._sparse.is_used(store) else None
            with ExitStack() as stack:
                others = [stack.enter_context(open_other(path, encoder)) for path in vectors_from]
                kitchen = Kitchen(encoder, partial(self._own.analyzer, store), chunks, others, sparse)
                report = add(store, documents, kitchen, progress, only=only)
            if report.added or report.removed:
                if len(store) >= self._store_settings.engine_threshold:
                    progress("building the copy for searching", 0, 0)
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
            begin(store, encoder, name=lasting(str(model)), precision=precision)
            return bring_up_to_date(store, encoder, progress=progress)

    def search(
        self,
        query: str,
        *,
        k: int = 10,
        mode: Mode = "hybrid",
        where: str | Filter | None = None,
        unlike: Sequence[str] = (),
        recall: float | None = None,
        settings: SearchSettings | None = None,
    ) -> Hits:
        """The chunks that answer a query best.

        Args:
            query: A question, or words.
            k: How many hits at most.
            mode: "dense" compares meaning, "lexical" words (BM25), "sparse" learned sparse vectors, "hybrid" fuses all
                that the index has.
            where: Keeps only documents whose metadata match, such as ``'lang = "en" and year >= 2020'``.
            unlike: Texts whose meaning the hits shall not have.
            recall: The share of the nearest vectors that must be found, on average over queries: with 1 every vector
                is looked at. By default as the settings say.
            settings: How to answer this once; by default as the index is configured.

        Returns:
            Best first; ties go to the chunk that was added first. Fewer than ``k`` if fewer match. What share of the
            nearest vectors is expected at least is in ``expected_recall``.

        Raises:
            SettingError: A blank query, a ``k`` below 1, an unknown mode, a filter that can't be read, or a recall that
                is not above 0 and at most 1.
            ArtifactError: There is no index here, or it is damaged.
            ContractError: The index was made by another encoder.
        """
        tree = check_request(query, k=k, mode=mode, where=where, recall=recall)
        check_texts(unlike, "unlike")
        store = self._reading()
        if len(store) == 0:
            return Hits()
        settings = settings or self.settings()
        if recall is not None:
            settings = replace(settings, recall=recall)
        probe = self.probe(query, unlike=unlike, marks=settings.marks)
        return self._answer(probe, k=k, mode=mode, where=tree, settings=settings)

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
        probe = of_example(example, unlike, store=store, analyzer=self._own.analyzer(store, []), where=str(self.path))
        return self._answer(probe, k=k, mode=mode, where=tree, settings=settings)

    def explain(
        self,
        query: str,
        hits: Sequence[Hit],
        *,
        where: str | Filter | None = None,
        settings: SearchSettings | None = None,
    ) -> list["Reasons"]:
        """Why each of some hits answers a query: shared words, what each word of it is worth, and the closest passage.

        Args:
            query: As it was searched.
            hits: What ``search`` gave.
            where: As in ``search``: which first hits lend their words may depend on it (``SearchSettings.expansion``).
            settings: As in ``search``. If the reranker is a ColBERT, the pairs of tokens that made its score are told.

        Returns:
            In the order of ``hits``, without those whose chunk is gone.
        """
        # Only who asks why pays for it.
        from likewise.searching.reasons import Witnesses, explain

        tree = check_request(query, k=1, mode="hybrid", where=where)
        store, settings = self._reading(), settings or self.settings()
        by_meaning = any(set(hit.ranks) - {"lexical"} for hit in hits)
        reranker = self._reranker_for(settings.reranker) if settings.reranker else None
        late = reranker.encoder if isinstance(reranker, LateReranker) else None
        encoder = self._own.encoder(store) if by_meaning else None
        probe = self.probe(query, marks=settings.marks)
        question = Question(probe=probe, k=1, mode="lexical", where=tree, settings=settings)
        words = with_expansion(store, question, wording_for(store, question)).words
        return explain(Witnesses(store, encoder, late), probe, words, hits, settings=settings)

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
        sparse = self._sparse if self._sparse.is_used(store) else None
        return Tools(store, self._reranker_for, unrelated(store), sparse)

    def probe(self, query: str, *, unlike: Sequence[str] = (), marks: bool = True) -> Probe:
        """What a search for a question looks for; its vector is made when it is asked for.

        Args:
            query: The question.
            unlike: As in ``search``.
            marks: As in ``SearchSettings``.
        """
        store = self._reading()
        analyzer = self._own.analyzer(store, [query])
        return of_question(query, unlike, analyzer=analyzer, encoder=lambda: self._own.encoder(store), marks=marks)

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

    def _reading(self) -> SqliteStore:
        if self._reader is None:
            store = open_store(self.path, mode="read", settings=self._store_settings)
            try:
                self._own.check(store)
            except BaseException:
                store.close()
                raise
            self._reader = store
        return self._reader

    def _existing_for_writing(self) -> SqliteStore:
        if not is_index(self.path):
            raise ArtifactError(f"{self.path} is no index: add documents to it first")
        return open_store(self.path, mode="write", settings=self._store_settings)


def is_index(path: Path) -> bool:
    """Whether an index was made in this folder."""
    return (path / "store.sqlite3").is_file()
