"""``likewise words similar`` and its kin: what they print, what they write, and what they refuse."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from likewise.cli._app import main
from likewise.words.files import read_vectors, write_vectors
from likewise.words.vectors import WordVectors

GOLDEN = Path(__file__).parent.parent / "golden" / "words"
WORDS = ["man", "woman", "king", "queen", "prince", "apple"]
NUMBERS = [[1, 0, 0], [0, 1, 0], [1, 0, 1], [0, 1, 1], [1, 0.1, 1], [0.3, 0.3, -1]]


@pytest.fixture
def run(capsys, monkeypatch):
    """Run ``likewise words`` in this process: (exit code, stdout, stderr)."""

    def command(*arguments):
        monkeypatch.setattr(sys, "argv", ["likewise", "words", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
            sys.exit(0)
        out, err = capsys.readouterr()
        return ended.value.code or 0, out, err

    return command


@pytest.fixture(params=["folder", "glove", "word2vec-binary"])
def royal(request, tmp_path):
    vectors = WordVectors(words=WORDS, vectors=np.array(NUMBERS, np.float32))
    write_vectors(vectors, tmp_path / "royal", format=request.param)
    return tmp_path / "royal"


def rows_of(found):
    code, out, _ = found
    assert code == 0
    return [json.loads(line) for line in out.splitlines()]


def test_similar_words(run, royal):
    rows = rows_of(run("similar", royal, "king", "man", "-k", 2, "--json"))
    assert [(row["word"], row["rank"], row["similar"]) for row in rows] == [
        ("king", 1, "prince"),
        ("king", 2, "man"),
        ("man", 1, "king"),
        ("man", 2, "prince"),
    ]
    assert rows[1]["score"] == pytest.approx(0.5**0.5)
    code, out, _ = run("similar", royal, "king", "-k", 1)
    assert (code, out.splitlines()) == (0, ["king", "   0.9975  prince"])


def test_an_analogy_in_four_ways(run, royal):
    rows = rows_of(run("analogy", royal, "man", "king", "woman", "-k", 1, "--json"))
    assert [(row["formula"], row["question_words"], row["answer"]) for row in rows] == [
        ("3CosAdd", False, "queen"),
        ("3CosAdd", True, "queen"),
        ("3CosMul", False, "queen"),
        ("3CosMul", True, "queen"),
    ]
    code, out, err = run("analogy", royal, "man", "kingg", "woman")
    assert (code, out) == (2, "")
    assert err == "likewise: 'kingg' has no vector: it is none of the 6 words. Did you mean 'king'?\n"


def test_the_odd_one(run, royal):
    rows = rows_of(run("odd-one-out", royal, "king", "apple", "prince", "queen", "--json"))
    assert [row["word"] for row in rows if row["odd"]] == ["apple"]
    assert run("odd-one-out", royal, "king", "apple", "prince")[1].startswith("apple fits the others least\n")


def test_words_never_seen_are_asked_through_ngrams(run):
    rows = rows_of(run("similar", GOLDEN / "fasttext.bin", "owlets", "-k", 3, "--json"))
    assert len(rows) == 3


def test_scores(run, royal, tmp_path):
    (tmp_path / "questions.txt").write_text(": royal\nMan king woman queen\nman king woman pear\n")
    (tmp_path / "pairs.tsv").write_text("score\ta\tb\n9\tman\tking\n1\tman\twoman\n10\tking\tprince\n")
    files = ("--analogies", tmp_path / "questions.txt", "--similarity", tmp_path / "pairs.tsv")
    rows = {(row["test"], row["metric"]): row for row in rows_of(run("eval", royal, *files, "--lowercase", "--json"))}
    assert rows["questions", "3CosAdd"]["score"] == rows["pairs", "Spearman"]["score"] == 1
    assert (rows["questions", "3CosMul"]["answered"], rows["questions", "3CosMul"]["asked"]) == (1, 2)
    code, out, _ = run("eval", royal, *files[2:])
    assert code == 0
    assert out.splitlines()[1].split() == ["pairs", "Spearman", "1.0000", "3/3"]
    assert run("eval", royal)[0] == 2
    code, _, err = run("eval", royal, *files, "--lowercase", "--most", 3)
    assert (code, err) == (2, "likewise: questions: none of its 2 questions has vectors for all words\n")


@pytest.mark.parametrize("format", ["glove", "word2vec-text", "word2vec-binary", "fasttext", "safetensors", "folder"])
def test_vectors_are_converted(run, royal, tmp_path, format):
    (row,) = rows_of(run("convert", royal, tmp_path / "new", "--format", format, "--json"))
    assert (row["to"], row["words"], row["dimension"]) == (format, 6, 3)
    assert read_vectors(tmp_path / "new").vectors.tolist() == np.array(NUMBERS, np.float32).tolist()
    code, _, err = run("convert", royal, tmp_path / "new", "--format", format)
    assert code == 2
    assert "is there already" in err


def test_what_gets_lost_is_said(run, tmp_path):
    code, out, err = run("convert", GOLDEN / "fasttext.bin", tmp_path / "x", "--format", "glove")
    assert code == 0
    assert out.endswith("of 8 dimensions (was fasttext)\n")
    assert "n-grams were left out" in err
    assert run("convert", GOLDEN / "fasttext.bin", tmp_path / "folder")[2] == ""


@pytest.mark.parametrize("method", ["pca", "tsne"])
def test_a_map_is_a_picture_and_a_page(run, tmp_path, method):
    to = ("--to", tmp_path / "map.png", "--to", tmp_path / "map.html")
    rows = rows_of(run("map", GOLDEN / "word2vec.bin", "the", "and", "--near", 5, "--method", method, *to, "--json"))
    assert {row["group"] for row in rows} == {"the", "and"}
    assert len({row["word"] for row in rows}) == len(rows) >= 7
    assert (tmp_path / "map.png").read_bytes().startswith(b"\x89PNG")
    page = (tmp_path / "map.html").read_text(encoding="utf-8")
    assert all(f'"word":"{row["word"]}"' in page.replace('": "', '":"') for row in rows)
    assert "Find a word" in page
    assert 'src="http' not in page


def test_a_map_of_the_most_frequent(run, tmp_path):
    rows = rows_of(run("map", GOLDEN / "glove.txt", "--most", 9, "--to", tmp_path / "map.png", "--json"))
    assert [row["word"] for row in rows] == list(read_vectors(GOLDEN / "glove.txt").words[:9])


BAD = {
    "nothing": (("similar", "{none}", "king"), "there is nothing at"),
    "no vectors": (("similar", "{prose}", "king"), "is no file of word vectors"),
    "lying header": (("similar", "{lies}", "king"), "its header promises 5 words of 3 numbers"),
    "k": (("similar", "{good}", "king", "-k", "0"), "k is 0"),
    "two words": (("odd-one-out", "{good}", "king", "queen"), "at least three different words"),
    "map name": (("map", "{good}", "--to", "{none}.pdf"), "ends in .png or .html"),
    "map of nothing": (("map", "{good}", "--to", "{none}.png", "--most", "2"), "2 vectors make no map"),
    "questions": (("eval", "{good}", "--analogies", "{prose}"), "expected four words"),
    "format": (("convert", "{good}", "{none}.bin"), "say one of folder"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_one_line(run, tmp_path, name):
    write_vectors(WordVectors(words=WORDS, vectors=np.array(NUMBERS, np.float32)), tmp_path / "good")
    (tmp_path / "prose").write_text("It was dark.\n")
    (tmp_path / "lies").write_text("5 3\nking 1 2 3\n")
    arguments, message = BAD[name]
    paths = {part: tmp_path / part for part in ("none", "prose", "lies", "good")}
    code, out, err = run(*(part.format(**paths) for part in arguments))
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 1
    assert message in err
