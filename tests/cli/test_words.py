"""``likewise words vocab``: what it prints, what it writes, and what it refuses."""

import gzip
import json
import sys
from pathlib import Path

import pytest

from likewise.cli._app import main
from likewise.tokenizing import open_tokenizer

SENTENCES = Path(__file__).parent.parent / "data" / "sentences.txt"


@pytest.fixture
def run(capsys, monkeypatch):
    """Run ``likewise words vocab`` in this process: (exit code, lines on stdout, lines on stderr)."""

    def command(*arguments):
        monkeypatch.setattr(sys, "argv", ["likewise", "words", "vocab", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
            sys.exit(0)
        out, err = capsys.readouterr()
        return ended.value.code or 0, out.splitlines(), err.splitlines()

    return command


@pytest.mark.parametrize(("kind", "size"), [("bpe", 500), ("wordpiece", 1400), ("unigram", 900)])
def test_a_vocabulary_is_written_and_described(run, tmp_path, kind, size):
    code, out, _ = run(SENTENCES, "--kind", kind, "--size", size, "--to", tmp_path / "v", "--lowercase")
    assert (code, out[0]) == (0, f"{tmp_path / 'v'}: {kind}, {size} tokens")
    assert "characters a token, 0 of " in out[1]
    assert out[2].startswith("  most frequent: ") and out[3].startswith("  longest: ")
    assert open_tokenizer(tmp_path / "v").vocabulary_size == size


def test_json_is_one_object_and_counts_what_was_replaced(run, tmp_path):
    (tmp_path / "a.txt").write_bytes(b"owl \xff vole " * 20)
    (tmp_path / "b.txt.gz").write_bytes(gzip.compress(b"barn owl\n" * 20))
    files = (tmp_path / "a.txt", tmp_path / "b.txt.gz")
    code, out, err = run(*files, "--kind", "bpe", "--size", 5000, "--to", tmp_path / "v", "--json")
    (row,) = map(json.loads, out)
    assert code == 0
    assert err[-1] == "20 bytes were not UTF-8 and became U+FFFD"
    assert (row["kind"], row["asked_size"], row["replaced_bytes"]) == ("bpe", 5000, 20)
    assert row["size"] == open_tokenizer(tmp_path / "v").vocabulary_size < 5000
    assert row["measured_characters"] == 20 * len("owl ? vole ") + 20 * len("barn owl")
    assert row["frequent"][0]["count"] >= 20
    assert row["characters_per_token"] > 1


BAD = {
    "empty": (("{empty}", "--kind", "bpe", "--size", "500"), "there is no text to train on"),
    "small": (("{text}", "--kind", "bpe", "--size", "10"), "alone are 261"),
    "tiny": (("{text}", "--kind", "unigram", "--size", "0"), "size is 0"),
    "missing": (("{none}", "--kind", "bpe", "--size", "500"), "no file at"),
    "kind": (("{text}", "--kind", "words", "--size", "500"), "'words' is not one of"),
    "no corpus": (("--kind", "bpe", "--size", "500"), "corpus"),
    "cut": (("{cut}", "--kind", "wordpiece", "--size", "500"), "can't be read"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_one_line_and_writes_nothing(run, tmp_path, name):
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "cut").write_bytes(gzip.compress(b"owl " * 100)[:-8])
    paths = {"text": SENTENCES, "none": tmp_path / "none", "empty": tmp_path / "empty", "cut": tmp_path / "cut"}
    arguments, message = BAD[name]
    code, out, err = run(*(part.format(**paths) for part in arguments), "--to", tmp_path / "v")
    assert (code, out) == (2, [])
    assert err[-1].startswith("likewise: ")
    assert message.lower() in err[-1].lower()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cut", "empty"]


def test_what_is_there_is_not_overwritten(run, tmp_path):
    (tmp_path / "v").mkdir()
    code, _, err = run(SENTENCES, "--kind", "bpe", "--size", 500, "--to", tmp_path / "v")
    assert (code, err[-1]) == (2, f"likewise: {tmp_path / 'v'} is there already; choose another folder")
    assert list((tmp_path / "v").iterdir()) == []
