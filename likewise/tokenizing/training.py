"""Train a vocabulary from texts, and save it as others can load it.

Byte-level BPE (Sennrich et al. 2016, arXiv:1508.07909, over bytes), WordPiece in BERT's form (Devlin et al. 2019,
arXiv:1810.04805) and Unigram (Kudo 2018, arXiv:1804.10959), by the trainers of the tokenizers library. The same texts
give the same file.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import tokenizers
from tokenizers import decoders, models, normalizers, pre_tokenizers, processors, trainers

from likewise.artifacts import new_folder, write_manifest
from likewise.errors import LikewiseError, SettingError
from likewise.registry import Table
from likewise.tokenizing.tokenizer import Tokenizer
from likewise.tokenizing.vocabulary import encodable

FORMAT_VERSION = 1
_DIGITS = 9  # of a score that are kept: the last ones change with the order in which a trainer adds up
_STEP, _SAME_STEP = 1e-4, 1e-2  # between the scores of rescued characters, and how far off one may be
_AT_ONCE = 1000  # occurrences of a word that the trainer is given in one text
_ALPHABET = 1000  # of WordPiece: the most frequent characters; the others are unknown
_FREQUENCY = 2  # of a pair that may still be merged
_BERT = {"pad": "[PAD]", "unk": "[UNK]", "cls": "[CLS]", "sep": "[SEP]", "mask": "[MASK]"}
_ROBERTA = {"cls": "<s>", "pad": "<pad>", "sep": "</s>", "unk": "<unk>", "mask": "<mask>"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """What to train; ``special`` are the first ids."""

    size: int
    min_frequency: int | None
    lowercase: bool
    special: list[str]


_Train: TypeAlias = Callable[[Iterator[str], _Plan], tokenizers.Tokenizer]
KINDS: Table[_Train] = Table("kind of vocabulary")


def train_vocabulary(
    texts: Iterable[str],
    kind: str,
    folder: Path,
    *,
    size: int,
    min_frequency: int | None = None,
    lowercase: bool = False,
    special_tokens: Sequence[str] = (),
) -> Tokenizer:
    """Train a vocabulary and write it as a new folder, with ``tokenizer.json`` in it.

    Args:
        texts: Read once; what is kept of them in memory is their different words with counts.
        kind: ``bpe`` is byte-level: any text comes back as it was, unless lower-cased. ``wordpiece`` is BERT's, whose
            texts lose spaces and, lower-cased, accents. ``unigram`` takes texts in compatibility form (NFKC).
        folder: Where to; it may not be there yet.
        size: The most tokens, special ones included. A small corpus gives fewer.
        min_frequency: How often a pair must be seen to be merged, 2 by default; ``unigram`` has no such thing.
        lowercase: Whether upper and lower case are the same.
        special_tokens: More special tokens than those that the kind has.

    Raises:
        UnknownNameError: There is no such kind.
        SettingError: The size is too small, there is no text, the folder is there, or ``texts`` is one str.
        StorageError: The disk refused.
    """
    train = KINDS.find(kind)
    if isinstance(texts, str):
        raise SettingError("texts is one str, expected several; write [text]")
    if folder.exists():
        raise SettingError(f"{folder} is there already; choose another folder")
    if kind == "unigram" and min_frequency is not None:
        raise SettingError("min_frequency is for bpe and wordpiece; unigram chooses pieces by likelihood")
    roles = _BERT if kind == "wordpiece" else _ROBERTA
    special = list(dict.fromkeys([*roles.values(), *special_tokens]))
    if size <= len(special):
        raise SettingError(f"size is {size}; the special tokens alone are {len(special)}")
    plan = _Plan(size=size, min_frequency=min_frequency, lowercase=lowercase, special=special)
    made = train(_not_blank(texts), plan)
    if made.get_vocab_size() > size:
        raise _too_small(size, made.get_vocab_size())
    _frame(made, roles)
    with new_folder(folder) as fresh:
        _write(fresh, made, roles, kind, plan)
    return Tokenizer(folder / "tokenizer.json")


@KINDS.add("bpe")
def _bpe(texts: Iterator[str], plan: _Plan) -> tokenizers.Tokenizer:
    """Pairs of pieces become one, most frequent first, from single bytes up."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    if plan.size < len(alphabet) + len(plan.special):
        raise _too_small(plan.size, len(alphabet) + len(plan.special))
    made = tokenizers.Tokenizer(models.BPE())
    if plan.lowercase:
        made.normalizer = normalizers.Lowercase()
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=plan.size,
        min_frequency=_FREQUENCY if plan.min_frequency is None else plan.min_frequency,
        special_tokens=plan.special,
        initial_alphabet=alphabet,
        show_progress=False,
    )
    made.train_from_iterator(texts, trainer)
    return made


@KINDS.add("wordpiece")
def _wordpiece(texts: Iterator[str], plan: _Plan) -> tokenizers.Tokenizer:
    """As BPE, but of characters, and with marks on pieces that do not begin a word.

    The trainer numbers the marked characters in the order of a hash table, and breaks ties by number. So that every
    run is the same, words are counted here, and the characters that they consist of are given to it as known.
    """
    normalizer = normalizers.BertNormalizer(lowercase=plan.lowercase)
    splitter = pre_tokenizers.BertPreTokenizer()
    words: Counter[str] = Counter()
    for text in texts:
        words.update(word for word, _ in splitter.pre_tokenize_str(normalizer.normalize_str(text)))
    characters: Counter[str] = Counter()
    for word, count in words.items():
        characters.update(dict.fromkeys(word, count))
    frequent = sorted(characters, key=lambda one: (-characters[one], one))[:_ALPHABET]
    known = [*plan.special, *sorted(frequent), *(f"##{one}" for one in sorted(frequent))]
    if plan.size < len(known):
        raise _too_small(plan.size, len(known))
    counting = tokenizers.Tokenizer(models.WordPiece(unk_token=_BERT["unk"]))
    counting.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    trainer = trainers.WordPieceTrainer(
        vocab_size=plan.size,
        min_frequency=_FREQUENCY if plan.min_frequency is None else plan.min_frequency,
        special_tokens=known,
        limit_alphabet=len(frequent),
        show_progress=False,
    )
    counting.train_from_iterator(_repeated(words), trainer)
    vocabulary = counting.get_vocab(with_added_tokens=False)
    made = tokenizers.Tokenizer(models.WordPiece(vocabulary, unk_token=_BERT["unk"]))
    made.normalizer, made.pre_tokenizer, made.decoder = normalizer, splitter, decoders.WordPiece()
    made.add_special_tokens(plan.special)
    return made


@KINDS.add("unigram")
def _unigram(texts: Iterator[str], plan: _Plan) -> tokenizers.Tokenizer:
    """Pieces that make the texts likely; the least useful are dropped until the size is reached."""
    squeezed = [normalizers.NFKC(), normalizers.Replace(tokenizers.Regex(r"\s+"), " "), normalizers.Strip()]
    made = tokenizers.Tokenizer(models.Unigram())
    made.normalizer = normalizers.Sequence([*squeezed, normalizers.Lowercase()] if plan.lowercase else squeezed)
    made.pre_tokenizer, made.decoder = pre_tokenizers.Metaspace(), decoders.Metaspace()
    unknown = _ROBERTA["unk"]
    trainer = trainers.UnigramTrainer(
        vocab_size=plan.size, special_tokens=plan.special, unk_token=unknown, show_progress=False
    )
    try:
        made.train_from_iterator(texts, trainer)
    except LikewiseError:  # of the texts
        raise
    except Exception as error:  # the library raises a bare Exception
        raise SettingError(f"size is {plan.size}, which does not do for these texts: {error}; choose more") from error
    scores: list[tuple[str, float]] = json.loads(made.to_str())["model"]["vocab"]
    pieces = _settled([(piece, round(score, _DIGITS)) for piece, score in scores if piece not in plan.special])
    made.model = models.Unigram([*((mark, 0.0) for mark in plan.special), *pieces], plan.special.index(unknown), False)
    return made


def _settled(pieces: list[tuple[str, float]]) -> list[tuple[str, float]]:
    """Pieces by score, the same in every run.

    Characters that earned no place of their own are put just above the lowest score, a fixed step apart, but in the
    order of a hash table; here they get the same scores in the order of their code points.
    """
    lowest = min(score for _, score in pieces)
    steps = {piece: (score - lowest) / _STEP for piece, score in pieces if len(piece) == 1}
    rescued = {one for one, step in steps.items() if step < len(steps) and abs(step - round(step)) < _SAME_STEP}
    freed = sorted((score for piece, score in pieces if piece in rescued), reverse=True)
    scores = {**dict(pieces), **dict(zip(sorted(rescued), freed, strict=True))}
    return sorted(scores.items(), key=lambda entry: (-entry[1], entry[0]))


def _not_blank(texts: Iterable[str]) -> Iterator[str]:
    """Texts that can be trained on, or an error if there are none."""
    found = False
    for text in texts:
        if text and not text.isspace():
            found = True
            yield from encodable([text])
    if not found:
        raise SettingError("there is no text to train on: the corpus is empty or blank")


def _repeated(words: Counter[str]) -> Iterator[str]:
    """Each word as often as it was counted, sorted."""
    for word in sorted(words):
        whole, rest = divmod(words[word], _AT_ONCE)
        for _ in range(whole):
            yield " ".join([word] * _AT_ONCE)
        yield " ".join([word] * rest)


def _too_small(size: int, least: int) -> SettingError:
    return SettingError(
        f"size is {size}; the special tokens and the characters alone are {least}, choose at least that"
    )


def _frame(made: tokenizers.Tokenizer, roles: Mapping[str, str]) -> None:
    first, last = roles["cls"], roles["sep"]
    bert = roles is _BERT
    made.post_processor = processors.TemplateProcessing(
        single=f"{first} $A {last}",
        pair=f"{first} $A {last} $B:1 {last}:1" if bert else f"{first} $A {last} {last} $B {last}",
        special_tokens=[(token, made.token_to_id(token)) for token in (first, last)],
    )


def _write(folder: Path, made: tokenizers.Tokenizer, roles: Mapping[str, str], kind: str, plan: _Plan) -> None:
    made.save(str(folder / "tokenizer.json"))
    names = {f"{role}_token": token for role, token in roles.items()}
    config = {"tokenizer_class": "PreTrainedTokenizerFast", **names}
    text = json.dumps(config, indent=1, sort_keys=True) + "\n"
    (folder / "tokenizer_config.json").write_text(text, encoding="utf-8")
    values = {"vocabulary": kind, "size": made.get_vocab_size(), "lowercase": plan.lowercase}
    write_manifest(folder, kind="vocabulary", version=FORMAT_VERSION, values=values)
