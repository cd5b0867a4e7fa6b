"""USE-style deep averaging network: words and pairs of neighbours, averaged (Cer et al. 2018, arXiv:1803.11175).

The network of the Universal Sentence Encoder's smaller form (section 3.2, after Iyyer et al. 2015, ACL P15-1162), not
Google's weights, which are published for TensorFlow alone. The state of a token is the average of its own embedding and
that of the pair which it forms with the next token, or with the end of the text. So the pooling ``mean`` gives the
average of all words and pairs, and the feed-forward layers are ``Dense`` modules after it.

There are too many pairs for a row each: they are hashed into ``bigram_buckets`` rows, as fastText has it (Bojanowski et
al. 2017, arXiv:1607.04606). A pair's row is (P·first + Q·second) modulo the buckets, the end being ``vocab_size``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from likewise.errors import ModelError
from likewise.modelling.families import Family, read_settings
from likewise.modelling.ops import Inputs, Ops, Weights

A = TypeVar("A")
_P, _Q = 1_000_003, 15_485_863  # two primes: the factors of the hash
_ALL = (1 << 31) - 1  # beyond the end of any row


@dataclass(frozen=True, slots=True, kw_only=True)
class UseDanSettings:
    """The keys of ``config.json`` that shape the network."""

    vocab_size: int
    hidden_size: int
    bigram_buckets: int

    def __post_init__(self) -> None:
        if self.bigram_buckets < 1:
            raise ModelError(f"bigram_buckets is {self.bigram_buckets}; expected at least 1")


def settings(config: Mapping[str, Any]) -> UseDanSettings:
    """The settings of a ``config.json``."""
    return read_settings(UseDanSettings, config)


def keys(_settings: UseDanSettings) -> dict[str, str]:
    """Our names to the published ones."""
    return {"tokens": "word_embeddings.weight", "pairs": "bigram_embeddings.weight"}


def forward(ops: Ops[A], weights: Weights, settings: UseDanSettings, inputs: Inputs[A]) -> A:
    """Token states (B, T, D)."""
    words = ops.embed(weights["tokens"], inputs.ids)
    pairs = ops.embed(weights["pairs"], _pairs(ops, settings, inputs))
    return ops.multiply(ops.add(words, pairs), ops.constant(np.array(0.5, np.float32)))


def _pairs(ops: Ops[A], settings: UseDanSettings, inputs: Inputs[A]) -> A:
    """The row of each token's pair: (B, T). Products modulo the buckets are looked up, for ``Ops`` has no modulo."""
    buckets, end = settings.bigram_buckets, settings.vocab_size
    ids = np.arange(end + 1, dtype=np.int64)
    first, second = (ids * factor % buckets for factor in (_P, _Q))
    both = ops.add(ops.lookup(first, inputs.ids), ops.lookup(second, _next(ops, inputs, end)))
    return ops.lookup(np.arange(2 * buckets) % buckets, both)


def _next(ops: Ops[A], inputs: Inputs[A], end: int) -> A:
    """The id of the token behind each (B, T), ``end`` where padding or nothing is behind it."""
    stop = ops.constant(np.array(-end, np.int64))
    known = ops.multiply(ops.add(inputs.ids, stop), inputs.mask)  # id minus end, and 0 for padding: an end
    last = ops.multiply(ops.part(known, 0, 1), ops.constant(np.array(0, np.int64)))  # (B, 1)
    behind = ops.concat([ops.part(known, 1, _ALL), last])
    return ops.add(behind, ops.constant(np.array(end, np.int64)))


PLUGIN = Family(settings=settings, keys=keys, forward=forward, most_tokens=lambda _: None)
