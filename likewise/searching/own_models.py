"""The encoder and the analyzer of an index: loaded when they are needed, held to what the index was made with."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TypeAlias

import numpy as np

from likewise.encoding.catalogue import DEFAULT_MODEL
from likewise.encoding.contract import CANARIES, Contract, require_canaries
from likewise.encoding.encoder import Encoder
from likewise.encoding.lexical import AUTO, VERSION, Analyzer, analyzer_names, chosen_analyzer
from likewise.encoding.models import Source, load
from likewise.errors import ArtifactError, SettingError, UnknownNameError
from likewise.storing import Store
from likewise.types import Vectors

Progress: TypeAlias = Callable[[str, int, int], None]  # what is going on, how much is done, of how much

_MOST_UNRELATED = 0.95  # an encoder to which everything is alike is still told from one that sees no difference


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the user names; None is the index's own.

    Raises:
        UnknownNameError: No such analyzer.
    """

    model: str | Path | None
    precision: str | None
    analyzer: str | None
    source: Source

    def __post_init__(self) -> None:
        if self.analyzer not in (None, AUTO, *analyzer_names()):
            raise UnknownNameError("analyzer", str(self.analyzer), [AUTO, *analyzer_names()])


class OwnModels:
    """What one index is searched with."""

    def __init__(self, asked: Asked, *, where: str) -> None:
        self.asked, self._where = asked, where
        self._encoder: Encoder | None = None
        self._checked = False  # the canaries, once for an opened index
        self._analyzer: Analyzer | None = None

    def encoder(self, store: Store, progress: Progress = lambda *_: None) -> Encoder:
        """The encoder of this index, loaded once and held to its contract; a new index takes it as its own."""
        stored = store.read_setting("contract")
        contract = Contract.from_json(stored) if stored else None
        if self._encoder is None:
            own, source = store.read_setting("model"), self.asked.source
            model = self.asked.model or own or DEFAULT_MODEL
            if model == own and source.revision is None:
                source = replace(source, revision=store.read_setting("revision"))
            precision = self.asked.precision or (contract.precision if contract else "auto")
            self._encoder = load(model, precision=precision, source=source, progress=lambda what: progress(what, 0, 0))
        if contract is None:
            store.write_setting("canaries", json.dumps(_canaries(self._encoder).tolist()))
            store.write_setting("model", lasting(self._encoder.name))
            if self._encoder.revision is not None:
                store.write_setting("revision", self._encoder.revision)
            store.write_setting("contract", self._encoder.contract.to_json())
            return self._encoder
        self._encoder.contract.require(contract, where=self._where)
        if not self._checked:
            kept = np.array(json.loads(store.read_setting("canaries") or "[]"), np.float32)
            require_canaries(_canaries(self._encoder), kept, precision=contract.precision, where=self._where)
            self._checked = True
        return self._encoder

    def check(self, store: Store) -> None:
        """Refuse an index whose words another analyzer made."""
        if (stored := store.read_setting("analyzer")) is not None:
            self._analyzer = self._kept_analyzer(stored)

    def analyzer(self, store: Store, texts: Sequence[str]) -> Analyzer:
        """The analyzer of this index; a new one takes what was asked for, or what suits its first texts."""
        if self._analyzer is None:
            stored = store.read_setting("analyzer")
            if stored is None:
                self._analyzer = chosen_analyzer(self.asked.analyzer or AUTO, texts)
                store.write_setting("analyzer", self._analyzer.record)
            else:
                self._analyzer = self._kept_analyzer(stored)
        return self._analyzer

    def _kept_analyzer(self, stored: str) -> Analyzer:
        name, _, version = stored.rpartition("-")
        if version != str(VERSION):
            raise ArtifactError(
                f"{self._where} holds words of analyzer {stored}, and this version of likewise makes those of version "
                f"{VERSION}: index the documents anew, into another folder"
            )
        if self.asked.analyzer not in (None, AUTO, name):
            raise SettingError(
                f"{self._where} was made with analyzer {name!r}, not {self.asked.analyzer!r}: index into another folder"
            )
        return Analyzer(name)


def lasting(name: str) -> str:
    """A model's name as it is found again from any working folder."""
    return str(Path(name).resolve()) if Path(name).is_dir() else name


def unrelated(store: Store) -> float:
    """The cosine of texts that have nothing in common: the mean of those of the canaries."""
    return _unrelated(store.read_setting("canaries") or "[]")


@lru_cache(8)
def _unrelated(canaries: str) -> float:
    vectors = np.array(json.loads(canaries), np.float32)  # (N, D)
    if len(vectors) < 2:
        return 0.0
    cosines = vectors @ vectors.T
    return float(np.clip(cosines[np.triu_indices(len(vectors), 1)].mean(), 0.0, _MOST_UNRELATED))


def _canaries(encoder: Encoder) -> Vectors:
    return encoder.encode(CANARIES, role="query", overflow="chunk")
