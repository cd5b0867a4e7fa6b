"""Whichever form a model folder has its tokenizer in, texts get the same ids; what is not declared is refused."""

import json
import shutil
from pathlib import Path

import pytest

from likewise.errors import ArtifactError, ModelError
from likewise.tokenizing import open_tokenizer, train_vocabulary

MODELS = Path(__file__).parent.parent / "data" / "sentencepiece"
LINES = ["barn owls hunt voles at night", "a vole hides, an owl waits", "Tea is best in the morning"] * 3


def folder_of(path, name, config):
    path.mkdir(exist_ok=True)
    shutil.copy(MODELS / "unigram.model", path / name)
    if config is not None:
        (path / "tokenizer_config.json").write_text(json.dumps(config))
    return path


BARE = {  # file, tokenizer_config.json, the token before and after a text
    "t5": ("spiece.model", {"tokenizer_class": "T5Tokenizer"}, [], ["</s>"]),
    "xlm-r": ("sentencepiece.bpe.model", {"tokenizer_class": "XLMRobertaTokenizerFast"}, ["<s>"], ["</s>"]),
    "llama": ("tokenizer.model", {"tokenizer_class": "LlamaTokenizer"}, ["<s>"], []),
    "deberta": (
        "spm.model",
        {"tokenizer_class": "DebertaV2Tokenizer", "cls_token": "<s>", "sep_token": {"content": "</s>"}},
        ["<s>"],
        ["</s>"],
    ),
    "switches": ("tokenizer.model", {"add_bos_token": False, "add_eos_token": True}, [], ["</s>"]),
    "gemma": ("tokenizer.model", {"tokenizer_class": "GemmaTokenizer", "bos_token": "<s>"}, ["<s>"], []),
}


@pytest.mark.parametrize("case", BARE)
def test_a_bare_model_is_framed_as_its_class_says(tmp_path, case):
    name, config, before, after = BARE[case]
    tokenizer = open_tokenizer(folder_of(tmp_path / "model", name, config))
    (ids,) = tokenizer.encode(["the owl"])
    framed = tokenizer.frame(ids).tolist()
    assert [tokenizer.token_of(i) for i in framed] == [*before, *tokenizer.pieces(["the owl"])[0], *after]
    assert tokenizer.special_tokens == len(before) + len(after)
    assert tokenizer.decode(ids) == "the owl"


def test_a_class_is_known_by_the_type_of_the_model(tmp_path):
    folder = folder_of(tmp_path / "model", "spiece.model", None)
    (folder / "config.json").write_text('{"model_type": "umt5"}')
    assert open_tokenizer(folder).special_tokens == 1


def test_xlm_roberta_moves_ids_and_separates_pairs_twice(tmp_path):
    tokenizer = open_tokenizer(
        folder_of(tmp_path / "m", "sentencepiece.bpe.model", {"tokenizer_class": "XLMRobertaTokenizer"})
    )
    plain = open_tokenizer(folder_of(tmp_path / "p", "spiece.model", {"tokenizer_class": "T5Tokenizer"}))
    (moved,), (ids,) = tokenizer.encode(["the owl"]), plain.encode(["the owl"])
    assert moved.tolist() == (ids + 1).tolist()
    joined, segments = tokenizer.pair(moved, moved)
    assert joined.tolist() == [0, *moved, 2, 2, *moved, 2]
    assert not segments.any()
    assert (tokenizer.pad_id, tokenizer.pair_special_tokens) == (1, 4)


REFUSED = {
    "nothing": ({}, "has no tokenizer; add tokenizer.json"),
    "undeclared": ({"spiece.model": b""}, "declares no tokenizer_class"),
    "switches of an unknown class": (
        {
            "spiece.model": b"",
            "tokenizer_config.json": b'{"tokenizer_class": "AlbertTokenizer", "add_eos_token": true}',
        },
        "AlbertTokenizer, which is not known here",
    ),
    "unknown": (
        {"spiece.model": b"", "tokenizer_config.json": b'{"tokenizer_class": "XLNetTokenizer"}'},
        "XLNetTokenizer, which",
    ),
    "wordpiece": ({"vocab.txt": b"[UNK]\n"}, "declares no tokenizer_class"),
    "bpe": ({"vocab.json": b"{}"}, "declares no tokenizer_class"),
    "merges": (
        {"vocab.json": b"{}", "tokenizer_config.json": b'{"tokenizer_class": "GPT2Tokenizer"}'},
        r"needs merges\.txt",
    ),
    "lacking": (
        {"vocab.txt": b"[UNK]\na\n", "tokenizer_config.json": b'{"do_lower_case": true}'},
        r"'\[CLS\]' around its texts",
    ),
}
DAMAGED = {
    "json": ({"tokenizer.json": b"{"}, r"tokenizer\.json can't be read"),
    "model": ({"spiece.model": b"", "tokenizer_config.json": b'{"tokenizer_class": "T5Tokenizer"}'}, r"spiece\.model"),
    "no unknown": (
        {"vocab.txt": b"a\n", "tokenizer_config.json": b'{"do_lower_case": true}'},
        r"lacks the unknown token '\[UNK\]'",
    ),
    "no text": (
        {"vocab.txt": b"\xff\n", "tokenizer_config.json": b'{"do_lower_case": true}'},
        r"vocab\.txt can't be read",
    ),
    "flag": (
        {"vocab.txt": b"[UNK]\n", "tokenizer_config.json": b'{"do_lower_case": "no"}'},
        "do_lower_case is 'no', expected true",
    ),
    "merges": (
        {"vocab.json": b"{}", "merges.txt": b"a b\n", "tokenizer_config.json": b'{"tokenizer_class": "GPT2Tokenizer"}'},
        r"merges\.txt can't be read as a byte-level BPE",
    ),
}


@pytest.mark.parametrize(
    ("case", "kind"), [*((c, ModelError) for c in REFUSED), *((c, ArtifactError) for c in DAMAGED)]
)
def test_what_is_missing_or_damaged_is_said(tmp_path, case, kind):
    files, message = (REFUSED if kind is ModelError else DAMAGED)[case]
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    with pytest.raises(kind, match=message):
        open_tokenizer(tmp_path)


def test_a_word_list_is_the_same_tokenizer_as_its_json(tmp_path):
    whole = train_vocabulary(LINES, "wordpiece", tmp_path / "whole", size=120, lowercase=True)
    bare = tmp_path / "bare"
    bare.mkdir()
    names = [whole.token_of(i) for i in range(whole.vocabulary_size)]
    (bare / "vocab.txt").write_text("\r\n".join(names) + "\r\n", encoding="utf-8", newline="")
    (bare / "tokenizer_config.json").write_text('{"tokenizer_class": "BertTokenizer", "do_lower_case": true}')
    opened = open_tokenizer(bare)
    for text in (*LINES, "Unknown \u65e5 [MASK] caf\u00e9"):
        ids, other = (one.encode([text])[0] for one in (opened, whole))
        assert opened.frame(ids).tolist() == whole.frame(other).tolist()
        assert opened.pair(ids, ids)[1].tolist() == whole.pair(ids, ids)[1].tolist()
    assert (opened.pad_id, opened.special_ids) == (0, whole.special_ids)
    (bare / "tokenizer_config.json").write_text('{"do_lower_case": false}')
    assert open_tokenizer(bare).pieces(["Tea"])[0] != whole.pieces(["Tea"])[0]


def test_merges_are_the_same_tokenizer_as_their_json(tmp_path):
    whole = train_vocabulary(LINES, "bpe", tmp_path / "whole", size=300)
    model = json.loads((tmp_path / "whole" / "tokenizer.json").read_text())["model"]
    bare = tmp_path / "bare"
    bare.mkdir()
    (bare / "vocab.json").write_text(json.dumps(model["vocab"]))
    (bare / "merges.txt").write_text("#version: 0.2\n" + "\n".join(" ".join(pair) for pair in model["merges"]) + "\n")
    for name, framed in (("RobertaTokenizer", 2), ("GPT2TokenizerFast", 0)):
        (bare / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": name}))
        opened = open_tokenizer(bare)
        for text in (*LINES, " \u65e5  caf\u00e9"):
            assert opened.encode([text])[0].tolist() == whole.encode([text])[0].tolist()
        assert opened.special_tokens == framed
    with pytest.raises(ModelError, match="no template for pairs"):
        opened.pair(*opened.encode(["a", "b"]))
