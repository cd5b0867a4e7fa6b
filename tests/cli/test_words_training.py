"""``likewise words train``: what it writes and prints for each model, and what it refuses."""

import json
import sys
from pathlib import Path

import pytest

from likewise.cli._app import main
from likewise.words import documents, vectors

SENTENCES = Path(__file__).parent.parent / "data" / "sentences.txt"
SMALL = ("--dim", 8, "--min-count", 1, "--buckets", 100, "--lowercase")


@pytest.fixture
def run(capsys, monkeypatch):
    """Run ``likewise words train`` in this process: (exit code, lines on stdout, lines on stderr)."""

    def command(*arguments):
        monkeypatch.setattr(sys, "argv", ["likewise", "words", "train", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
            sys.exit(0)
        out, err = capsys.readouterr()
        return ended.value.code or 0, out.splitlines(), err.splitlines()

    return command


@pytest.mark.parametrize("model", ["skipgram", "cbow", "fasttext", "glove", "doc2vec"])
def test_each_model_is_trained_and_kept(run, tmp_path, model):
    to = tmp_path / "kept"
    code, out, _ = run(SENTENCES, "--model", model, "--to", to, *SMALL, "--json")
    (row,) = map(json.loads, out)
    assert (code, row["model"], row["dimension"], row["folder"]) == (0, model, 8, str(to))
    opened = documents.load(to) if model == "doc2vec" else vectors.load(to)
    assert row["vectors"] == len(opened) and row["words"] == len(opened.words) > 100
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]
    assert json.loads((to / "manifest.json").read_text())["settings"]["lowercase"] is True


def test_a_person_is_told_and_phrases_are_joined(run, tmp_path):
    corpus = tmp_path / "corpus.txt"
    corpus.write_bytes(b"a barn owl \xff flew over b c d\nb d c saw a barn owl by c d e\n" * 40)
    code, out, err = run(corpus, "--to", tmp_path / "kept", "--phrases", *SMALL)
    assert code == 0
    assert out[0].startswith(f"{tmp_path / 'kept'}: skipgram, ") and "words a second, loss " in out[1]
    assert "40 bytes were not UTF-8 and became U+FFFD" in err
    assert "flew_over" in vectors.load(tmp_path / "kept").words


def test_a_line_without_end_is_read_in_parts(run, tmp_path):
    corpus = tmp_path / "corpus.txt"
    corpus.write_text("the barn owl flew over the field of voles " * 60_000)  # 2.5 MB
    code, out, _ = run(corpus, "--to", tmp_path / "kept", "--dim", 4, "--json")
    assert code == 0 and json.loads(out[0])["words"] == 8


def test_bad_input_is_one_line(run, tmp_path):
    (tmp_path / "empty").touch()
    (tmp_path / "one").write_text("owl\n" * 9)
    (tmp_path / "few").write_text("the owl flew\n" * 9)
    for arguments, message in (
        ((tmp_path / "empty", "--to", tmp_path / "kept"), "no word is left of a corpus of 0"),
        ((tmp_path / "one", "--to", tmp_path / "kept"), "1 different words occur 5 times or more, too few"),
        ((tmp_path / "few", "--to", tmp_path / "kept"), "too few for 100 dimensions"),
        ((tmp_path / "none", "--to", tmp_path / "kept"), "no file at"),
        ((tmp_path / "few", "--to", tmp_path), "is there already"),
        ((tmp_path / "few", "--to", tmp_path / "kept", "--threads", 0), "threads is 0, expected 1 or more"),
        ((tmp_path / "few", "--to", tmp_path / "kept", "--model", "word2vec"), "'word2vec' is not one of"),
    ):
        code, out, err = run(*arguments)
        assert (code, out) == (2, [])
        assert message in err[-1]
    assert not (tmp_path / "kept").exists()
