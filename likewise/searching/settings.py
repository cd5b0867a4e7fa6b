"""How an index answers: every choice between a question and its hits, kept with the index."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from likewise.errors import ArtifactError, SettingError
from likewise.searching.fusion import CONSTANT, FUSIONS, WEIGHTS
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

    fusion: str = "reciprocal_rank"  # how several rankings become one: a name in FUSIONS
    weights: Mapping[str, float] = field(default_factory=lambda: dict(WEIGHTS))  # by retriever; 1 for those not named
    constant: float = CONSTANT  # of reciprocal rank fusion: how little a first place counts more than a tenth
    depth: int = 100  # chunks that each retriever hands to fusion
    recall: float = 0.99  # of these, the share that the search by vectors must find; with 1 it looks at every vector
    k1: float = 1.2  # BM25: how soon another occurrence of a word adds little
    b: float = 0.75  # BM25: how much longer chunks are marked down, 0 to 1

    def __post_init__(self) -> None:
        FUSIONS.find(self.fusion)
        _check("depth", self.depth, at_least=1)
        check_recall(self.recall)
        _check("constant", self.constant, at_least=0.0)
        _check("k1", self.k1, at_least=0.0)
        _check("b", self.b, at_least=0.0, at_most=1.0)
        if not self.weights or not all(_is_number(weight) and weight >= 0 for weight in self.weights.values()):
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


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
