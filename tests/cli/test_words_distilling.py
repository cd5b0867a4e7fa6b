"""``likewise words distil``: what it prints, what it writes, and what it refuses."""

import json
from pathlib import Path

import likewise

SENTENCES = Path(__file__).parent.parent / "data" / "sentences.txt"


def test_a_static_model_is_made_and_described(run, model, tmp_path):
    texts = tmp_path / "texts.txt"
    texts.write_text("\n".join(f"{a} {b} {c}" for a in "abcdefgh" for b in "abcdefgh" for c in "ah"))
    code, out, err = run("words", "distil", model, "--to", tmp_path / "static", "--dim", 8, "--texts", texts)
    assert code == 0
    assert out[0] == f"{tmp_path / 'static'}: 17 tokens of 8 dimensions in int8, 0.0 MB"
    assert out[1].startswith("  fitted to 128 texts; cosine to ")
    assert not [line for line in err if line.startswith("error")]
    assert likewise.load(tmp_path / "static").encode(["a b"], role="query").shape == (1, 8)


def test_json_is_one_object_and_words_are_added(run, model, tmp_path):
    words = tmp_path / "words.txt"
    words.write_text("abc\n\nbad\n")
    to = tmp_path / "static"
    code, out, _ = run("words", "distil", model, "--to", to, "--dim", 8, "--vocabulary", words, "--json")
    (row,) = map(json.loads, out)
    assert code == 0
    assert (row["tokens"], row["texts"], row["cosine_after"], row["folder"]) == (19, 0, None, str(to))


def test_bad_input_is_one_line(run, model, tmp_path):
    for arguments, message in (
        (("--vocabulary", tmp_path / "none.txt"), "no file at"),
        (("--texts", tmp_path / "none.txt"), "no file at"),
        (("--dim", 25), "has 24 and not more"),
        (("--sif", 0), "the others above 0"),
    ):
        code, out, err = run("words", "distil", model, "--to", tmp_path / "static", "--dim", 8, *arguments)
        assert (code, out) == (2, [])
        assert message in err[-1]
    code, _, err = run("words", "distil", model, "--to", tmp_path, "--dim", 8)
    assert code == 2
    assert "exists; name a folder that does not" in err[-1]
