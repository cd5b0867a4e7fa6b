"""Vocabularies: the same in every process, of the size asked for, and byte-level BPE gives back whatever goes in."""

import gzip
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from likewise.corpora import Corpus
from likewise.errors import ReadingError, SettingError, UnknownNameError
from likewise.tokenizing import Tokenizer, open_tokenizer, train_vocabulary
from likewise.tokenizing.training import KINDS
from likewise.tokenizing.usage import measure_usage

SIZES = {"bpe": 600, "wordpiece": 1300, "unigram": 900}


@pytest.fixture(scope="module")
def trained(tmp_path_factory, sentences):
    folder = tmp_path_factory.mktemp("vocabularies")
    return {kind: train_vocabulary(sentences, kind, folder / kind, size=size) for kind, size in SIZES.items()}


@given(text=st.text(st.characters(exclude_categories=("Cs",)), max_size=60))
@settings(deadline=None, max_examples=300)
def test_byte_level_gives_back_any_text(trained, text):
    assert trained["bpe"].decode(trained["bpe"].encode([text])[0]) == text


@given(content=st.binary(max_size=80))
@settings(deadline=None, max_examples=300)
def test_byte_level_gives_back_any_bytes(trained, content):
    (ids,) = trained["bpe"].encode([content.decode("latin-1")])
    assert trained["bpe"].decode(ids).encode("latin-1") == content


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_vocabulary_has_its_size_and_opens_again(trained, tmp_path, sentences, kind):
    folder = tmp_path / kind
    made = train_vocabulary(iter(sentences), kind, folder, size=SIZES[kind], special_tokens=["<query>"])
    assert made.vocabulary_size == SIZES[kind]
    assert made.id_of("<query>") in made.special_ids
    assert made.token_of(made.pad_id).strip("<>[]").lower() == "pad"
    opened = open_tokenizer(folder)
    assert [ids.tolist() for ids in opened.encode(sentences)] == [ids.tolist() for ids in made.encode(sentences)]
    assert (opened.special_tokens, opened.pair_special_tokens) == ((2, 3) if kind == "wordpiece" else (2, 4))
    (offsets,), (ids,) = opened.offsets(["the owls"]), opened.encode(["the owls"])
    assert len(offsets) == len(ids) < len("the owls")


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_the_same_file_comes_from_any_process(trained, tmp_path, sentences, kind):
    code = (
        "import sys; from pathlib import Path; from likewise.tokenizing import train_vocabulary as train;"
        "train(sys.stdin.read().splitlines(), sys.argv[1], Path(sys.argv[2]), size=int(sys.argv[3]))"
    )
    train_vocabulary(sentences, kind, tmp_path / "here", size=SIZES[kind])
    command = [sys.executable, "-c", code, kind, str(tmp_path / "there"), str(SIZES[kind])]
    subprocess.run(command, input="\n".join(sentences), text=True, encoding="utf-8", check=True)
    for name in ("tokenizer.json", "tokenizer_config.json", "manifest.json"):
        assert (tmp_path / "here" / name).read_bytes() == (tmp_path / "there" / name).read_bytes()


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_lower_case_makes_no_difference_when_asked(tmp_path, sentences, kind):
    made = train_vocabulary(sentences, kind, tmp_path / kind, size=SIZES[kind], lowercase=True)
    upper, lower = made.encode(["OWLS", "owls"])
    assert upper.tolist() == lower.tolist()


def test_bad_wishes_are_refused_before_anything_is_written(tmp_path, sentences):
    target = tmp_path / "vocabulary"
    for texts, kind, size, message in (
        ([], "bpe", 300, "there is no text to train on"),
        (["", " \n"], "wordpiece", 300, "there is no text to train on"),
        (iter([]), "unigram", 300, "there is no text to train on"),
        (sentences, "bpe", 260, "alone are 261"),
        (sentences, "wordpiece", 100, "the characters alone are"),
        (sentences, "unigram", 30, "size is 30"),
        (sentences, "unigram", 5, "special tokens alone are 5"),
        ("one text", "bpe", 300, r"write \[text\]"),
    ):
        with pytest.raises(SettingError, match=message):
            train_vocabulary(texts, kind, target, size=size)
    with pytest.raises(UnknownNameError, match="Did you mean 'wordpiece'"):
        train_vocabulary(sentences, "wordpeice", target, size=300)
    with pytest.raises(SettingError, match="min_frequency is for bpe and wordpiece"):
        train_vocabulary(sentences, "unigram", target, size=300, min_frequency=3)
    assert list(tmp_path.iterdir()) == []
    target.mkdir()
    with pytest.raises(SettingError, match="is there already"):
        train_vocabulary(sentences, "bpe", target, size=300)


def test_rare_pairs_are_not_merged_when_asked(tmp_path):
    texts = ["owl owl owl", "vole"]
    made = train_vocabulary(texts, "bpe", tmp_path / "v", size=400, min_frequency=3)
    assert made.pieces(["owl vole"])[0] == ["owl", "\u0120", "v", "o", "l", "e"]


def test_usage_is_what_counting_says(trained):
    texts = ["the owl", "the the", "voles"]
    usage = measure_usage(trained["wordpiece"], texts, max_characters=10, shown=1)
    assert (usage.characters, usage.frequent) == (14, (("the", 3),))
    assert usage.tokens == sum(map(len, trained["wordpiece"].encode(texts[:2])))
    assert usage.characters_per_token == 14 / usage.tokens
    assert measure_usage(trained["wordpiece"], ["\u2603 \u2603"], max_characters=9).unknown == 2
    assert measure_usage(trained["wordpiece"], [], max_characters=9).characters_per_token == 0


def test_a_corpus_is_read_again_and_again_from_any_files(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"\xef\xbb\xbfone\r\ntw\xffo\xe6\n\nfour")
    (tmp_path / "b.gz").write_bytes(gzip.compress("caf\u00e9\n".encode()))
    seen = []
    corpus = Corpus([tmp_path / "a.txt", tmp_path / "b.gz"], progress=lambda done, total: seen.append((done, total)))
    for _ in range(2):
        assert list(corpus) == ["one", "tw\ufffdo\ufffd", "", "four", "caf\u00e9"]
        assert corpus.replaced_bytes == 2
    total = (tmp_path / "a.txt").stat().st_size + (tmp_path / "b.gz").stat().st_size
    assert seen[-1] == (total, total)
    assert all(done <= total for done, total in seen)


def test_a_long_line_comes_in_parts_and_keeps_its_characters(tmp_path):
    (tmp_path / "long.txt").write_text("\u65e5" * 800_000, encoding="utf-8")
    parts = list(Corpus([tmp_path / "long.txt"]))
    assert len(parts) > 1
    assert "".join(parts) == "\u65e5" * 800_000


@pytest.mark.parametrize("end", ["", "\n", "\nowl\n"])
def test_a_long_line_is_cut_between_words(tmp_path, end):
    text = "a vole\tand an owl " * 150_000 + "barn" + end
    assert [text[cut - 1 : cut + 1] for cut in (1 << 20, 2 << 20)] == ["ol", "an"]  # parts of 1 MB would end in words
    (tmp_path / "long.txt").write_text(text, encoding="utf-8")
    parts = list(Corpus([tmp_path / "long.txt"]))
    assert len(parts) >= 3
    assert [word for part in parts for word in part.split()] == text.split()


@pytest.mark.parametrize("end", ["", "owl"])
def test_a_line_as_long_as_a_part_keeps_its_end(tmp_path, end):
    line = "a vole " * 149_796 + "and"  # with its end, 1 MB
    assert len(line) + 1 == 1 << 20
    (tmp_path / "long.txt").write_text(f"{line}\n{end}", encoding="utf-8")
    assert list(Corpus([tmp_path / "long.txt"])) == [line, *filter(None, [end])]


def test_a_damaged_or_missing_file_is_named(tmp_path):
    (tmp_path / "cut.gz").write_bytes(gzip.compress(b"owl " * 1000)[:-9])
    with pytest.raises(ReadingError, match=r"cut\.gz can't be read"):
        list(Corpus([tmp_path / "cut.gz"]))
    with pytest.raises(ReadingError, match=r"cut\.gz can't be read"):
        train_vocabulary(Corpus([tmp_path / "cut.gz"]), "unigram", tmp_path / "v", size=300)
    with pytest.raises(SettingError, match="no file at"):
        Corpus([tmp_path])


def test_what_is_trained_is_a_published_form(trained):
    assert all(isinstance(one, Tokenizer) for one in trained.values())
    (ids,) = trained["wordpiece"].encode(["owl"])
    assert trained["wordpiece"].pair(ids, ids)[1].tolist() == [0] * (len(ids) + 2) + [1] * (len(ids) + 1)
