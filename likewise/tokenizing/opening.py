"""Find the tokenizer of a model folder, in whichever of the published forms it is."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import tokenizers
from tokenizers import decoders, models, normalizers, pre_tokenizers

from likewise.errors import ArtifactError, ModelError
from likewise.tokenizing.declaring import CONFIG, Declaration, read_declaration
from likewise.tokenizing.sentencepiece import SentencePieceVocabulary
from likewise.tokenizing.templates import parse_template
from likewise.tokenizing.tokenizer import Tokenizer, pad_id_of
from likewise.tokenizing.vocabulary import LibraryVocabulary

TOKENIZER = "tokenizer.json"
_SENTENCEPIECE = ("sentencepiece.bpe.model", "spiece.model", "spm.model", "tokenizer.model")
_WORDPIECE, _BPE, _MERGES = "vocab.txt", "vocab.json", "merges.txt"
_LONGEST_WORD = 100  # characters; what BERT's own tokenizer gives up on


@dataclass(frozen=True, slots=True)
class _Framing:
    """What a published class puts around one text and around two; roles stand for names the folder may change."""

    single: str
    pair: str
    roles: tuple[tuple[str, str], ...]  # role → name if the folder gives none
    fairseq: bool = False

    def templates(self, declared: Declaration) -> tuple[str, str]:
        names = {role: declared.token(role) or name for role, name in self.roles}
        return self.single.format(**names), self.pair.format(**names)


_BERT_ROLES = (("cls_token", "[CLS]"), ("sep_token", "[SEP]"))
_BERT = _Framing("{cls_token} $A {sep_token}", "{cls_token} $A {sep_token} $B:1 {sep_token}:1", _BERT_ROLES)
_ROBERTA_ROLES = (("cls_token", "<s>"), ("sep_token", "</s>"))
_ROBERTA_PAIR = "{cls_token} $A {sep_token} {sep_token} $B {sep_token}"
_ROBERTA = _Framing("{cls_token} $A {sep_token}", _ROBERTA_PAIR, _ROBERTA_ROLES)
_XLM_ROBERTA = _Framing("<s> $A </s>", "<s> $A </s> </s> $B </s>", (), fairseq=True)
_T5 = _Framing("$A {eos_token}", "$A {eos_token} $B {eos_token}", (("eos_token", "</s>"),))
_NOTHING = _Framing("$A", "$A $B", ())

_OF_SENTENCEPIECE = {"DebertaV2Tokenizer": _BERT, "T5Tokenizer": _T5, "XLMRobertaTokenizer": _XLM_ROBERTA}
_SWITCHED = ("GemmaTokenizer", "LlamaTokenizer")
_OF_WORDPIECE = ("BertTokenizer", "DistilBertTokenizer", "ElectraTokenizer")
_OF_BPE = {
    "BartTokenizer": _ROBERTA,
    "GPT2Tokenizer": _NOTHING,
    "LongformerTokenizer": _ROBERTA,
    "RobertaTokenizer": _ROBERTA,
}


def open_tokenizer(folder: Path) -> Tokenizer:
    """The tokenizer of a model folder.

    It is the first of: ``tokenizer.json``; a SentencePiece model (``sentencepiece.bpe.model``, ``spiece.model``,
    ``spm.model``, ``tokenizer.model``); ``vocab.txt`` (WordPiece); ``vocab.json`` with ``merges.txt`` (byte-level BPE).
    All but the first say nothing about special tokens, which ``tokenizer_config.json`` must then declare.

    Raises:
        ModelError: There is none of these, or what the folder declares is not enough to use it rightly.
        ArtifactError: A file is damaged.
    """
    for name, opened in _FORMS.items():
        if (folder / name).is_file():
            return opened(folder / name)
    raise ModelError(
        f"{folder} has no tokenizer; add {TOKENIZER}, or a SentencePiece model ({', '.join(_SENTENCEPIECE)}), "
        f"{_WORDPIECE}, or {_BPE} with {_MERGES}"
    )


def _open_sentencepiece(path: Path) -> Tokenizer:
    declared = read_declaration(path.parent)
    name = declared.tokenizer_class
    framing = _OF_SENTENCEPIECE.get(name)
    if framing is None and name not in _SWITCHED and (name or not declared.has_switches):
        raise _undeclared(path, declared, sorted((*_OF_SENTENCEPIECE, *_SWITCHED)), switches=True)
    vocabulary = SentencePieceVocabulary(path, fairseq=bool(framing and framing.fairseq))
    if framing:
        templates = framing.templates(declared)
    else:
        begin, end = (vocabulary.control(i) for i in (vocabulary.model.begin_id, vocabulary.model.end_id))
        templates = declared.switched_templates(begin=begin, end=end)
    template = parse_template(*templates, vocabulary.id_of)
    own = 1 if framing and framing.fairseq else max(vocabulary.model.padding_id, 0)
    return Tokenizer.of(vocabulary, template, pad_id=pad_id_of(declared, vocabulary, default=own))


def _open_wordpiece(path: Path) -> Tokenizer:
    declared = read_declaration(path.parent)
    known = declared.tokenizer_class in _OF_WORDPIECE
    if not known and (declared.tokenizer_class or "do_lower_case" not in declared.config):
        raise _undeclared(path, declared, _OF_WORDPIECE, switches=False)
    lines = _text(path).removesuffix("\n").split("\n")
    vocabulary = {line.rstrip("\r"): i for i, line in enumerate(lines)}
    unknown = declared.token("unk_token") or "[UNK]"
    if unknown not in vocabulary:
        raise ArtifactError(f"{path} is no WordPiece vocabulary: it lacks the unknown token {unknown!r}")
    model = models.WordPiece(vocabulary, unk_token=unknown, max_input_chars_per_word=_LONGEST_WORD)
    library = tokenizers.Tokenizer(model)
    stripped = declared.config.get("strip_accents") is not None  # None leaves it to do_lower_case
    library.normalizer = normalizers.BertNormalizer(
        lowercase=declared.flag("do_lower_case", default=True),
        handle_chinese_chars=declared.flag("tokenize_chinese_chars", default=True),
        strip_accents=declared.flag("strip_accents", default=False) if stripped else None,
    )
    library.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    library.decoder = decoders.WordPiece()
    roles = (*_BERT_ROLES, ("unk_token", "[UNK]"), ("pad_token", "[PAD]"), ("mask_token", "[MASK]"))
    return _finished(library, declared, _BERT, roles)


def _open_bpe(path: Path) -> Tokenizer:
    declared = read_declaration(path.parent)
    framing = _OF_BPE.get(declared.tokenizer_class)
    merges = path.parent / _MERGES
    if framing is None:
        raise _undeclared(path, declared, sorted(_OF_BPE), switches=False)
    if not merges.is_file():
        raise ModelError(f"{path} needs {_MERGES} beside it")
    pairs = [tuple(line.split(" ")) for line in _text(merges).split("\n") if line and not line.startswith("#version")]
    try:
        model = models.BPE(json.loads(_text(path)), pairs)  # type: ignore[arg-type]  # checked by the library
    except Exception as error:  # the library raises a bare Exception
        raise ArtifactError(f"{path} and {merges.name} can't be read as a byte-level BPE: {error}") from error
    library = tokenizers.Tokenizer(model)
    spaced = declared.flag("add_prefix_space", default=False)
    library.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=spaced)
    library.decoder = decoders.ByteLevel()
    marks = (("unk_token", "<unk>"), ("pad_token", "<pad>"), ("mask_token", "<mask>"))
    roles = (*_ROBERTA_ROLES, *marks) if framing is _ROBERTA else (("eos_token", "<|endoftext|>"),)
    return _finished(library, declared, framing, roles)


def _finished(
    library: tokenizers.Tokenizer, declared: Declaration, framing: _Framing, roles: tuple[tuple[str, str], ...]
) -> Tokenizer:
    """With the special tokens of a published class, as far as the vocabulary has them."""
    names = {role: declared.token(role) or name for role, name in roles}
    present = {role: name for role, name in names.items() if library.token_to_id(name) is not None}
    before_mask = framing is _ROBERTA  # its mask takes the space before it along
    library.add_special_tokens(
        [
            tokenizers.AddedToken(name, lstrip=before_mask and role == "mask_token", normalized=False, special=True)
            for role, name in present.items()
        ]
    )
    vocabulary = LibraryVocabulary(library)
    pad_id = pad_id_of(declared, vocabulary, default=library.token_to_id(names.get("pad_token", "")) or 0)
    return Tokenizer.of(vocabulary, parse_template(*framing.templates(declared), vocabulary.id_of), pad_id=pad_id)


def _undeclared(path: Path, declared: Declaration, known: tuple[str, ...] | list[str], *, switches: bool) -> ModelError:
    got = declared.tokenizer_class
    either = ", or add_bos_token and add_eos_token without a class" if switches else ""
    return ModelError(
        f"{path} alone does not say which special tokens texts get: {CONFIG} "
        f"{f'declares {got}, which is not known here' if got else 'declares no tokenizer_class'}. "
        f"Add {TOKENIZER}, or declare tokenizer_class (one of {', '.join(known)}){either} in {CONFIG}"
    )


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise ArtifactError(f"{path} can't be read: {error}") from error


_FORMS: dict[str, Callable[[Path], Tokenizer]] = {
    TOKENIZER: Tokenizer,
    **dict.fromkeys(_SENTENCEPIECE, _open_sentencepiece),
    _WORDPIECE: _open_wordpiece,
    _BPE: _open_bpe,
}
