"""Files of word vectors: each format read and written to the bit, as gensim has it, and damage of every kind."""

import gzip
import json
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from likewise.errors import ArtifactError, LikewiseError, SettingError, UnknownNameError
from likewise.words import _rows
from likewise.words.fasttext_file import MAGIC
from likewise.words.files import FORMATS, format_of, read_vectors, write_vectors
from likewise.words.vectors import WordVectors

GOLDEN = Path(__file__).parent.parent / "golden" / "words"
EXPECTED = json.loads((GOLDEN / "vectors.json").read_text(encoding="utf-8"))
FILES = {
    "fasttext.bin": "fasttext",
    "word2vec.bin": "word2vec-binary",
    "word2vec.txt": "word2vec-text",
    "word2vec.txt.gz": "word2vec-text",
    "glove.txt": "glove",
}


def odd():
    """Words and numbers that are hard to keep."""
    vectors = np.array([[1e-38, -0.0, 3.4e38], [0.1, 1 / 3, 1e-45], [5, -7, 1.17549435e-38], [1, 2, 3]], np.float32)
    return WordVectors(words=["a", "日本", "-1.5", "2"], vectors=vectors, counts=np.array([9, 4, 4, 1]))


@pytest.mark.parametrize("name", FILES)
def test_what_gensim_wrote_is_read(name):
    assert format_of(GOLDEN / name) == FILES[name]
    found = read_vectors(GOLDEN / name)
    known = [word for word in EXPECTED if word in found]
    assert len(known) == 5
    for word in EXPECTED if found.subwords else known:
        np.testing.assert_allclose(found.vector(word), EXPECTED[word], rtol=2e-6, atol=1e-7)


@pytest.mark.parametrize("name", ["fasttext.bin", "word2vec.bin"])
def test_a_binary_file_is_written_back_to_the_bit(tmp_path, name):
    write_vectors(read_vectors(GOLDEN / name), tmp_path / name, format=FILES[name])
    assert (tmp_path / name).read_bytes() == (GOLDEN / name).read_bytes()


def test_a_fasttext_file_survives_a_folder(tmp_path):
    write_vectors(read_vectors(GOLDEN / "fasttext.bin"), tmp_path / "folder")
    write_vectors(read_vectors(tmp_path / "folder"), tmp_path / "again.bin", format="fasttext")
    assert (tmp_path / "again.bin").read_bytes() == (GOLDEN / "fasttext.bin").read_bytes()


@pytest.mark.parametrize("format", FORMATS)
def test_each_format_gives_the_same_float32_back(tmp_path, format):
    write_vectors(odd(), tmp_path / "x", format=format)
    assert format_of(tmp_path / "x") == format
    found = read_vectors(tmp_path / "x")
    assert list(found.words) == odd().words
    assert found.vectors.tobytes() == odd().vectors.tobytes()
    if format in ("folder", "safetensors", "fasttext"):
        assert found.counts.tolist() == [9, 4, 4, 1]


def test_rows_of_the_first_program_end_in_a_line(tmp_path):
    rows = [struct.pack("<2f", 10.0, n) for n in (1, 2)]  # 10.0 holds no line's end, the next file's numbers do
    (tmp_path / "x").write_bytes(b"2 2\na " + rows[0] + b"\nb " + rows[1] + b"\n")
    assert read_vectors(tmp_path / "x").vectors.tolist() == [[10, 1], [10, 2]]
    newline = struct.pack("<2I", 0x0A0A0A0A, 0x0A200A20)
    (tmp_path / "y").write_bytes(b"1 2\na " + newline)
    assert read_vectors(tmp_path / "y").vectors.tobytes() == newline


def test_a_word_of_glove_may_hold_spaces(tmp_path):
    (tmp_path / "x").write_text("the 1 2 3\n. . . 4 5 6\nat name@x 7 8 9\n\n")
    found = read_vectors(tmp_path / "x")
    assert list(found.words) == ["the", ". . .", "at name@x"]
    assert found.vector(". . .").tolist() == [4, 5, 6]
    with pytest.raises(SettingError, match=r"'\. \. \.' holds white space"):
        write_vectors(found, tmp_path / "y", format="word2vec-binary")


def test_braces_do_not_make_text_safetensors(tmp_path):
    (tmp_path / "x").write_text("{{{{{{{{{ 1 2\nb 3 4\n")
    assert format_of(tmp_path / "x") == "glove"
    assert read_vectors(tmp_path / "x").vector("{{{{{{{{{").tolist() == [1, 2]


def test_repeated_and_undecodable_words_are_told(tmp_path, caplog):
    (tmp_path / "x").write_bytes(b"a 1 2\nb\xff 3 4\na 5 6\nc 7 8\n")
    found = read_vectors(tmp_path / "x")
    assert list(found.words) == ["a", "b\ufffd", "c"]
    assert found.vectors.tolist() == [[1, 2], [3, 4], [7, 8]]
    assert [record.message.partition(": ")[2] for record in caplog.records] == [
        "1 words are not UTF-8; U+FFFD stands for their wrong bytes",
        "1 words are there again; their first vector is kept",
    ]
    binary = b"3 1\n" + b"".join(word + b" " + struct.pack("<f", n) for n, word in enumerate([b"a", b"a", b"c"]))
    (tmp_path / "y").write_bytes(binary)
    assert read_vectors(tmp_path / "y").vectors.tolist() == [[0], [2]]


DAMAGED = {
    "more words than lines": b"3 2\na 1 2\nb 3 4\n",
    "fewer words than lines": b"1 2\na 1 2\nb 3 4\n",
    "negative words": b"-3 2\na 1 2\n",
    "negative numbers": b"3 -2\na 1 2\n",
    "no words": b"0 2\n",
    "great header, text": b"999999999999 999999\na 1 2\n",
    "great header, binary": b"999999999999 300\na \x01\x02\x03\xff",
    "wide header": b"1 99999999999999999\na 1\n",
    "short row": b"a 1 2 3\nb 1 2\n",
    "no number": b"a 1 2\nb x 2\nc 1 2\n",
    "nan": b"a 1 2\nb nan 2\n",
    "too great": b"a 1 2\nb 1e99 2\n",
    "binary cut": b"2 2\na " + struct.pack("<2f", 1, 2) + b"b " + struct.pack("<f", 1),
    "binary too long": b"1 2\na " + struct.pack("<2f", 1, 2) + b"b " + struct.pack("<2f", 1, 2),
    "binary nan": b"1 2\na " + struct.pack("<2f", 1, float("nan")),
    "empty": b"",
    "a picture": b"\x89PNG\r\n\x1a\n" + bytes(50),
    "prose": b"It was a dark night.\nThe owl slept.\n",
    "gzip cut": gzip.compress(b"a 1 2\n" * 50)[:-9],
    "fasttext magic alone": MAGIC,
    "fasttext version": MAGIC + struct.pack("<i", 11) + bytes(200),
    "another safetensors": (lambda text: struct.pack("<Q", len(text)) + text)(
        b'{"x":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}'
    ),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_damage_is_one_error_that_names_the_file(tmp_path, name):
    (tmp_path / "x").write_bytes(DAMAGED[name])
    with pytest.raises(ArtifactError, match=str(tmp_path / "x")):
        read_vectors(tmp_path / "x")


FASTTEXT = (GOLDEN / "fasttext.bin").read_bytes()
WORDS_AT = 8 + 12 * 4 + 8  # where the dictionary starts
CHANGES = {
    "classifier": (8 + 7 * 4, struct.pack("<i", 3), "is a fastText classifier"),
    "labels": (WORDS_AT + 8, struct.pack("<i", 2), "has 2 labels"),
    "negative size": (WORDS_AT, struct.pack("<2i", -5, -5), "promises -5 entries"),
    "great size": (WORDS_AT, struct.pack("<2i", 2**31 - 1, 2**31 - 1), "promises 2147483647 entries"),
    "pruned": (WORDS_AT + 20, struct.pack("<q", 7), "is a pruned fastText model"),
    "dimension": (8, struct.pack("<i", -8), "dimension -8"),
    "loss": (8 + 6 * 4, struct.pack("<i", 9), "loss 9"),
    "no buckets": (8 + 8 * 4, struct.pack("<i", 0), "buckets"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_fasttext_file_that_is_something_else_is_refused(tmp_path, name):
    at, new, message = CHANGES[name]
    (tmp_path / "x").write_bytes(FASTTEXT[:at] + new + FASTTEXT[at + len(new) :])
    with pytest.raises(ArtifactError, match=message):
        read_vectors(tmp_path / "x")


def test_a_fasttext_matrix_that_is_quantised_or_lies_is_refused(tmp_path):
    rows = len(read_vectors(GOLDEN / "glove.txt")) + 300  # words, and buckets
    at = FASTTEXT.index(struct.pack("<2q", rows, 8)) - 1
    (tmp_path / "q").write_bytes(FASTTEXT[:at] + b"\1" + FASTTEXT[at + 1 :])
    with pytest.raises(ArtifactError, match="quantised fastText model"):
        read_vectors(tmp_path / "q")
    for lie in (-1, 2**62, 5):
        (tmp_path / "r").write_bytes(FASTTEXT[: at + 1] + struct.pack("<q", lie) + FASTTEXT[at + 9 :])
        with pytest.raises(ArtifactError, match=str(tmp_path)):
            read_vectors(tmp_path / "r")


CONTENTS = {name: (GOLDEN / name).read_bytes() for name in FILES}


@given(name=st.sampled_from(sorted(FILES)), data=st.data())
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_damage_escapes_as_another_error(tmp_path_factory, name, data):
    content = bytearray(CONTENTS[name])
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, min(len(content) - 1, 400)) | st.integers(0, len(content) - 1))
        change = data.draw(st.binary(max_size=9))
        content[at : at + data.draw(st.sampled_from([0, len(change), len(content)]))] = change
        if not content:
            content = bytearray(b" ")
    path = tmp_path_factory.getbasetemp() / "changed"
    path.write_bytes(content)
    try:
        found = read_vectors(path)
    except LikewiseError as error:
        assert str(path) in str(error)
    else:
        assert len(found) == len(set(found.words)) > 0
        assert found.vectors.nbytes <= 8 * len(content) * (1100 if name.endswith("gz") else 1)


def test_what_cannot_be_written_is_said(tmp_path):
    with pytest.raises(SettingError, match="can't be told from its name; say one of folder"):
        write_vectors(odd(), tmp_path / "x.bin")
    with pytest.raises(UnknownNameError, match="Did you mean 'glove'"):
        write_vectors(odd(), tmp_path / "x", format="glov")
    (tmp_path / "there").write_text("")
    with pytest.raises(SettingError, match="is there already"):
        write_vectors(odd(), tmp_path / "there", format="glove")
    with pytest.raises(SettingError, match="there is nothing at"):
        read_vectors(tmp_path / "none")
    with pytest.raises(SettingError, match="a folder without a manifest"):
        read_vectors(tmp_path)


def test_vectors_without_ngrams_become_a_fasttext_model_without_them(tmp_path):
    write_vectors(odd(), tmp_path / "x.bin", format="fasttext")
    found = read_vectors(tmp_path / "x.bin")
    assert found.vectors.tobytes() == odd().vectors.tobytes()
    assert found.subwords.arguments.max_n == 0
    with pytest.raises(LookupError):
        found.vector("zzz")


@pytest.mark.parametrize("format", FORMATS)
def test_what_is_too_large_for_memory_lies_in_a_file(tmp_path, monkeypatch, format):
    write_vectors(odd(), tmp_path / "x", format=format)
    monkeypatch.setattr(_rows, "_IN_MEMORY_BYTES", 16)
    found = read_vectors(tmp_path / "x").vectors
    assert found.tobytes() == odd().vectors.tobytes()
    base = found
    while isinstance(base.base, np.ndarray):
        base = base.base
    assert not base.flags.owndata


@pytest.mark.oracle
def test_gensim_reads_what_is_written(tmp_path):
    gensim = pytest.importorskip("gensim")
    vectors = read_vectors(GOLDEN / "fasttext.bin")
    for format in ("word2vec-text", "word2vec-binary", "fasttext"):
        write_vectors(vectors, tmp_path / format, format=format)
    load = gensim.models.KeyedVectors.load_word2vec_format
    for format in ("word2vec-text", "word2vec-binary"):
        theirs = load(str(tmp_path / format), binary=format == "word2vec-binary")
        assert theirs.index_to_key == list(vectors.words)
        assert theirs.vectors.tobytes() == vectors.vectors.tobytes()
    theirs = gensim.models.fasttext.load_facebook_vectors(str(tmp_path / "fasttext"))
    for word in EXPECTED:
        np.testing.assert_allclose(theirs[word], vectors.vector(word), rtol=2e-6, atol=1e-7)


@pytest.mark.oracle
def test_the_published_program_reads_what_is_written(tmp_path):
    fasttext = pytest.importorskip("fasttext")
    vectors = read_vectors(GOLDEN / "fasttext.bin")
    write_vectors(vectors, tmp_path / "x", format="fasttext")
    theirs = fasttext.load_model(str(tmp_path / "x"))
    assert theirs.get_words() == list(vectors.words)
    rows = theirs.get_input_matrix()
    for word in EXPECTED:  # not get_word_vector, which some distributions bring to length 1
        np.testing.assert_allclose(rows[theirs.get_subwords(word)[1]].mean(axis=0), vectors.vector(word), atol=1e-6)
