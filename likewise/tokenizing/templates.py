"""The special tokens that a model wants around a text, or around and between two."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import tokenizers
from numpy.typing import NDArray
from tokenizers import models, pre_tokenizers

from likewise.errors import ModelError
from likewise.tokenizing.vocabulary import TokenIds

Slot: TypeAlias = tuple[int, int]  # a token id, or one of the two below, and its segment
_LEFT, _RIGHT = -1, -2
_NAMES = {"$A": _LEFT, "$B": _RIGHT}


@dataclass(frozen=True, slots=True)
class Template:
    """Where texts go among special tokens; ``pair`` is None if the model was not made for pairs."""

    single: tuple[Slot, ...]
    pair: tuple[Slot, ...] | None

    @property
    def before(self) -> int:
        """How many special tokens stand before a single text."""
        return [slot for slot, _ in self.single].index(_LEFT)

    def frame(self, ids: TokenIds) -> TokenIds:
        """Ids of one text with its special tokens (T + specials,)."""
        return np.concatenate([ids if slot == _LEFT else [slot] for slot, _ in self.single]).astype(np.int64)

    def join(self, left: TokenIds, right: TokenIds) -> tuple[TokenIds, NDArray[np.int64]]:
        """Ids of two texts with their special tokens, and the segment of each id.

        Raises:
            ModelError: The model has no template for pairs.
        """
        parts = [(self._content(slot, left, right), segment) for slot, segment in self.pairs()]
        ids = np.concatenate([part for part, _ in parts]).astype(np.int64)
        return ids, np.concatenate([np.full(len(part), segment, np.int64) for part, segment in parts])

    def pairs(self) -> tuple[Slot, ...]:
        """The slots of a pair, or an error if there are none."""
        if self.pair is None:
            raise ModelError(
                "this tokenizer has no template for pairs: nothing would separate the two texts. "
                "Pairs need a model made for them, whose tokenizer declares what goes between"
            )
        return self.pair

    def special_ids(self) -> frozenset[int]:
        """Every special token of both templates."""
        return frozenset(slot for slot, _ in (*self.single, *(self.pair or ())) if slot >= 0)

    @staticmethod
    def _content(slot: int, left: TokenIds, right: TokenIds) -> TokenIds:
        return {_LEFT: left, _RIGHT: right}.get(slot, np.array([slot], np.int64))


def parse_template(single: str, pair: str, id_of: Callable[[str], int | None]) -> Template:
    """A template in the notation of tokenizer.json, such as ``[CLS] $A [SEP] $B:1 [SEP]:1``.

    Raises:
        ModelError: A special token in it is not in the vocabulary.
    """
    return Template(tuple(_slots(single, id_of)), _separated(tuple(_slots(pair, id_of))))


def template_of(tokenizer: tokenizers.Tokenizer) -> Template:
    """What the post-processor of a ``tokenizer.json`` puts around texts, found by showing it texts of one known token.

    Those come from a vocabulary of our own, so that it does not matter what the model's own makes of any text.

    Raises:
        ModelError: The post-processor does more than put special tokens around.
    """
    processor = tokenizer.post_processor
    if processor is None:
        return Template(((_LEFT, 0),), None)
    left, right = (_PROBE.encode(name, add_special_tokens=False) for name in _NAMES)
    single, pair = _shown(processor.process(left)), _shown(processor.process(left, right))
    if [slot for slot, _ in single if slot < 0] != [_LEFT]:
        raise ModelError("the post-processor of this tokenizer.json does not keep a text whole, and can't be followed")
    return Template(single, _separated(pair))


def _probe() -> tokenizers.Tokenizer:
    made = tokenizers.Tokenizer(models.WordLevel({"$A": 0, "$B": 1}, unk_token="$A"))
    made.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return made


_PROBE = _probe()


def _shown(encoding: tokenizers.Encoding) -> tuple[Slot, ...]:
    slots = list(_NAMES.values())
    parts = zip(encoding.ids, encoding.type_ids, encoding.special_tokens_mask, strict=True)
    return tuple((token if special else slots[token], segment) for token, segment, special in parts)


def _slots(template: str, id_of: Callable[[str], int | None]) -> Iterator[Slot]:
    for part in template.split():
        name, _, segment = part.rpartition(":") if part[-2:-1] == ":" else (part, "", "0")
        found = _NAMES.get(name, id_of(name))
        if found is None:
            raise ModelError(f"the model wants {name!r} around its texts, which is not in the vocabulary")
        yield found, int(segment)


def _separated(pair: tuple[Slot, ...]) -> tuple[Slot, ...] | None:
    """The template of a pair if it has both texts in order and something between them."""
    slots = [slot for slot, _ in pair]
    whole = [slot for slot in slots if slot < 0] == [_LEFT, _RIGHT]
    return pair if whole and slots.index(_RIGHT) > slots.index(_LEFT) + 1 else None
