"""How an index answers: every choice between a question and its hits, kept with the index."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from likewise.errors import ArtifactError, SettingError
from likewise.searching.fusion import CONSTANT, FUSIONS
from likewise.settings import from_dict, to_dict
from likewise.storing import Store, check_recall

_KEPT_AS = "search"
_BM25 = {"bm25_k1": "k1", "bm25_b": "b"}  # the store reads these two itself


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchSettings:
    """What is done between a question and its hits; the defaults are what measured best (docs/benchmarks.md).

    ``Index.configure`` keeps them with the index; ``Index.search(..., settings=...)`` takes others for one search.

    Raises:
        SettingError: A value that makes no sense.
        UnknownNameError: No way of fusion is named so.
    """

    fusion: str = "scores"  # how several rankings become one: a name in FUSIONS
    weights: Mapping[str, float] = field(default_factory=dict)  # by retriever; empty for those of the way of fusion
    constant: float = CONSTANT  # of reciprocal rank fusion: how little a first place counts more than a tenth
    smoothing: float = 0.3  # how far a fused score moves towards those of the chunk's neighbours, 0 to 1
    neighbours: int = 5  # how many are asked
    depth: int = 100  # chunks that each retriever hands to fusion
    recall: float = 0.99  # of these, the share that the search by vectors must find; with 1 it looks at every vector
    k1: float = 1.2  # BM25: how soon another occurrence of a word adds little
    b: float = 0.75  # BM25: how much longer chunks are marked down, 0 to 1
    feedback: int = 0  # so many first chunks have their meaning join the question's (Rocchio); then it is asked again
    marks: bool = True  # quotes and stars in a question mean phrases and words that begin so; else they are text
    expansion: int = 0  # so many first chunks by words lend the question theirs (RM3); then it is asked again
    fuzzy: bool = False  # words that the index does not have are taken for those that are spelt most alike
    reranker: str = ""  # a cross-encoder or ColBERT, by name or folder, that reads the first hits again
    rerank_depth: int = 20  # how many of them
    budget_ms: float | None = None  # what reading them may take; None for as long as it takes
    half_life_days: float | None = None  # after so many days a hit counts half; None for no decay
    date_field: str = "date"  # the metadata that says how old a document is
    alike: float | None = None  # of chunks with at least this cosine only the best stays; None keeps all
    per_document: int | None = None  # hits of one document at most; None for any number
    diversity: float = 0.0  # 0 by relevance alone, to 1 by unlikeness alone (maximal marginal relevance)

    def __post_init__(self) -> None:
        FUSIONS.find(self.fusion)
        _check("depth", self.depth, at_least=1)
        check_recall(self.recall)
        _check("constant", self.constant, at_least=0.0)
        _check("smoothing", self.smoothing, at_least=0.0, at_most=1.0)
        _check("neighbours", self.neighbours, at_least=1)
        _check("k1", self.k1, at_least=0.0)
        _check("b", self.b, at_least=0.0, at_most=1.0)
        _check("feedback", self.feedback, at_least=0)
        _check("expansion", self.expansion, at_least=0)
        for name in ("marks", "fuzzy"):
            if not isinstance(value := getattr(self, name), bool):
                raise SettingError(f"{name} is {value!r}; it must be True or False")
        _check("rerank_depth", self.rerank_depth, at_least=1)
        _check("diversity", self.diversity, at_least=0.0, at_most=1.0)
        _check_optional("per_document", self.per_document, at_least=1)
        _check_optional("alike", self.alike, at_least=0.0, at_most=1.0)
        for name in ("budget_ms", "half_life_days"):
            if (value := getattr(self, name)) is not None and not (_is_number(value) and value > 0):
                raise SettingError(f"{name} is {value!r}; it must be more than 0, or None for none")
        if not all(_is_number(weight) and weight >= 0 for weight in self.weights.values()):
            raise SettingError(f"weights are numbers by retriever, none below 0, got {dict(self.weights)}")


def read_settings(store: Store, *, where: str) -> SearchSettings:
    """What is kept with an index, or the defaults.

    Raises:
        ArtifactError: What is kept can't be used.
    """
    kept = store.read_setting(_KEPT_AS)
    if kept is None:
        return SearchSettings()
    try:
        return from_dict(SearchSettings, json.loads(kept))
    except (SettingError, LookupError, TypeError, ValueError) as error:
        raise ArtifactError(
            f"{where}: its search settings can't be used ({error}). Set them again with configure()"
        ) from error


def write_settings(store: Store, settings: SearchSettings) -> None:
    """Keep them with the index."""
    values = to_dict(settings)
    store.write_setting(_KEPT_AS, json.dumps(values, sort_keys=True))
    for name, value in _BM25.items():
        store.write_setting(name, repr(float(values[value])))


def _check(name: str, value: float, *, at_least: float, at_most: float = math.inf) -> None:
    if not _is_number(value) or not at_least <= value <= at_most or (isinstance(at_least, int) and value % 1):
        to = f" to {at_most:g}" if at_most < math.inf else " or more"
        raise SettingError(f"{name} is {value!r}; it must be {at_least:g}{to}")


def _check_optional(name: str, value: float | None, *, at_least: float, at_most: float = math.inf) -> None:
    if value is not None:
        _check(name, value, at_least=at_least, at_most=at_most)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
