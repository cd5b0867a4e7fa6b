"""What may be chosen: axes of settings, each with its alternatives."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any

from likewise.chunking import ChunkSettings
from likewise.searching.fusion import FUSIONS
from likewise.searching.settings import SearchSettings
from likewise.settings import to_dict

_K1 = (0.6, 1.2, 2.0)
_B = (0.25, 0.5, 0.75, 1.0)
_SHARES = (0.2, 0.4, 0.6, 0.8)  # of words, beside that of meaning
_SCORES = (0.0125, 0.025, 0.05, 0.1)  # weights of BM25 scores beside cosines
_RANKS = (0.3, 0.6, 1.0, 1.7)  # of ranks by words beside those by meaning
_CONSTANTS = (5.0, 60.0)  # of reciprocal ranks
_SMOOTHING = (0.0, 0.15, 0.3, 0.5)
_FEEDBACK = (0, 3, 6)
_EXPANSION = (0, 5, 10)
_RERANKED = (5, 10, 20, 50)
_SPECIAL_TOKENS = 4  # at most, around a text: what is left of the model's maximum is for chunks


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """How documents are cut, and how questions are answered."""

    chunks: ChunkSettings
    search: SearchSettings

    @property
    def key(self) -> str:
        """Differs where any setting does."""
        return json.dumps([to_dict(self.chunks), to_dict(self.search)], sort_keys=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What an alternative sets; the rest stays."""

    search: Mapping[str, Any] = field(default_factory=dict)
    chunks: ChunkSettings | None = None

    def of(self, setup: Setup) -> Setup:
        """The setup with the change."""
        return Setup(chunks=self.chunks or setup.chunks, search=replace(setup.search, **self.search))


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """Settings that are chosen together."""

    name: str
    settings: tuple[str, ...]  # of SearchSettings; those of ChunkSettings if there are none
    changes: Sequence[Change]

    def options(self, setup: Setup) -> list[Setup]:
        """The setup, and what it may be changed to, each once."""
        return list({one.key: one for one in (setup, *(change.of(setup) for change in self.changes))}.values())

    def shown(self, setup: Setup) -> str:
        """What a setup has on this axis."""
        if not self.settings:
            cut = setup.chunks
            overlap = f" overlapping by {cut.overlap_tokens}" if cut.overlap_tokens else ""
            return "whole documents" if cut.way == "whole" else f"{cut.max_tokens} tokens{overlap} ({cut.way})"
        return ", ".join(_shown(name, getattr(setup.search, name)) for name in self.settings)


def axes_of(now: Setup, chunks: Sequence[ChunkSettings]) -> list[Axis]:
    """All axes, in the order in which they are chosen.

    Args:
        now: What the index has.
        chunks: Ways of cutting to try; none if they are not to be tried.
    """
    cutting = [Axis(name="chunks", settings=(), changes=[Change(chunks=one) for one in chunks])] if chunks else []
    words = [Change(search={"k1": k1, "b": b}) for k1, b in product(_K1, _B)]
    reranked = [Change(search={"rerank_depth": depth}) for depth in _RERANKED] if now.search.reranker else []
    reranking = [Axis(name="reranked", settings=("rerank_depth",), changes=reranked)] if reranked else []
    return [
        *cutting,
        Axis(name="BM25", settings=("k1", "b"), changes=words),
        Axis(name="expansion", settings=("expansion",), changes=[Change(search={"expansion": n}) for n in _EXPANSION]),
        Axis(name="fusion", settings=("fusion", "weights", "constant"), changes=list(_fusions(now.search))),
        Axis(name="smoothing", settings=("smoothing",), changes=[Change(search={"smoothing": s}) for s in _SMOOTHING]),
        Axis(name="feedback", settings=("feedback",), changes=[Change(search={"feedback": n}) for n in _FEEDBACK]),
        *reranking,
    ]


def usual_chunks(now: ChunkSettings, *, max_tokens: int) -> list[ChunkSettings]:
    """Half, a quarter and twice the size, as far as the model takes it, and neighbours that overlap."""
    way = "auto" if now.way == "whole" else now.way
    same = replace(now, way=way)
    sizes = [replace(same, max_tokens=size, overlap_tokens=0) for size in _sizes(now.max_tokens)]
    found = [*sizes, replace(same, overlap_tokens=now.max_tokens // 4)]
    return [one for one in found if one.limit_tokens <= max_tokens - _SPECIAL_TOKENS]


def _sizes(size: int) -> list[int]:
    return [one for one in (size // 4, size // 2, size, size * 2) if one >= 32]


def _fusions(now: SearchSettings) -> Iterator[Change]:
    """Every way of fusion, with more and less weight for words; retrievers that are not tuned keep theirs."""
    others = {name: weight for name, weight in now.weights.items() if name not in ("dense", "lexical")}
    for way in FUSIONS:
        if way == "reciprocal_rank":
            pairs = [(constant, 1.0, words) for constant, words in product(_CONSTANTS, _RANKS)]
        elif way == "scores":
            pairs = [(now.constant, 1.0, words) for words in _SCORES]
        else:
            pairs = [(now.constant, 1 - words, words) for words in _SHARES]
        for constant, meaning, words in pairs:
            weights = {**others, "dense": round(meaning, 3), "lexical": words}
            yield Change(search={"fusion": way, "weights": weights, "constant": constant})


def _shown(name: str, value: Any) -> str:
    if isinstance(value, Mapping):
        if not value:
            return "its own weights"
        return ", ".join(f"{one} {weight:g}" for one, weight in value.items())
    return value if isinstance(value, str) else f"{name} {value:g}"
