"""A model's tokenizer made into that of a static model: no special tokens, and whole words added if wanted."""

import json
import re
from collections.abc import Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tokenizers

from likewise.errors import ModelError, SettingError
from likewise.tokenizing.bare import FILE, bare
from likewise.tokenizing.tokenizer import Tokenizer

_UNUSED = re.compile(r"\[unused\d+\]")  # room that BERT's vocabularies leave for users


@dataclass(frozen=True, slots=True)
class BareTokenizer:
    """A tokenizer to be written, and what its tokens are to the model that it comes from."""

    content: str  # of tokenizer.json
    origins: list[int | str | None]  # for each id: the model's own id, an added word, or None for a token of no text

    def tokenizer(self) -> Tokenizer:
        """It, to encode with."""
        return bare(self.content, known_only=True)


def bare_tokenizer(folder: Path, *, words: Sequence[str] = ()) -> BareTokenizer:
    """The tokenizer of a model folder without its special tokens.

    Args:
        folder: Holds ``tokenizer.json``.
        words: Tokens to add, each a single word; those that are tokens already are passed over.

    Raises:
        ModelError: There is no such file, or it is of a kind that takes no more words.
        ArtifactError: It is damaged.
        SettingError: One of the words is several, or none.
    """
    path = folder / FILE
    if not path.is_file():
        raise ModelError(f"{folder} has no {FILE}, which a static model is made with: save it with transformers first")
    tokenizer = Tokenizer(path)  # whose errors are clearer
    content = path.read_text(encoding="utf-8")
    declared, library = json.loads(content), tokenizers.Tokenizer.from_str(content)
    kind = declared["model"]["type"]
    special = tokenizer.special_ids | ({tokenizer.pad_id} if library.padding else set())
    declared |= {"post_processor": None, "padding": None, "truncation": None}
    if kind == "WordPiece":
        return _pruned(declared, special, _normalised(library, words))
    if words:
        raise ModelError(f"{path} is of the kind {kind}, to which no words can be added; WordPiece alone takes them")
    origins: list[int | str | None] = [None if i in special else i for i in range(tokenizer.vocabulary_size)]
    return BareTokenizer(_spelled(declared), origins)


def _pruned(declared: dict[str, Any], special: Set[int], words: Sequence[str]) -> BareTokenizer:
    """WordPiece without unused and special tokens, but for the one that stands for what it lacks, and with words."""
    model = declared["model"]
    unknown = model["unk_token"]
    gone = special | {model["vocab"][unknown]}
    known = sorted(model["vocab"].items(), key=lambda item: item[1])
    kept = [(token, i) for token, i in known if i not in gone and not _UNUSED.fullmatch(token)]
    tokens = [unknown, *(token for token, _ in kept)]
    new = [word for word in dict.fromkeys(words) if word not in model["vocab"]]
    model["vocab"] = {token: i for i, token in enumerate([*tokens, *new])}
    entry = {"id": 0, "content": unknown, "single_word": False, "lstrip": False, "rstrip": False}
    declared["added_tokens"] = [entry | {"normalized": False, "special": True}]
    return BareTokenizer(_spelled(declared), [None, *(i for _, i in kept), *new])


def _normalised(library: tokenizers.Tokenizer, words: Sequence[str]) -> list[str]:
    """Words as the tokenizer sees them: in lower case, for most."""
    found = []
    for word in words:
        text = library.normalizer.normalize_str(word) if library.normalizer else word
        parts = library.pre_tokenizer.pre_tokenize_str(text) if library.pre_tokenizer else [(text, (0, len(text)))]
        if len(parts) != 1:
            raise SettingError(f"{word!r} is {len(parts)} words to the tokenizer, expected one; leave it out")
        found.append(parts[0][0])
    return found


def _spelled(declared: dict[str, Any]) -> str:
    return json.dumps(declared, ensure_ascii=False)
