"""Scored pairs from every form of file, what is wrong with one, and rank correlation as Spearman defined it."""

import gzip
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from likewise.encoding.labelled_pairs import rank_correlation, read_labelled_pairs
from likewise.errors import ReadingError, SettingError

ROWS = [("A man.", 'A "man" of age.', 4.5), ("Ein Mädchen.", "A girl.", 5.0), ("A dog.", "Tea.", 0.25)]


def table(rows=ROWS):
    return "score\tsentence1\tgenre\tsentence2\n" + "".join(f"{s}\t{a}\tnews\t{b}\n" for a, b, s in rows)


def lines(rows=ROWS):
    keys = ("sentence1", "sentence2", "score")
    return "".join(json.dumps({**dict(zip(keys, row, strict=True)), "genre": "news"}) + "\n" for row in rows)


FORMS = {
    "table": table().encode(),
    "windows": b"\xef\xbb\xbf" + table().replace("\n", "\r\n").encode(),
    "packed table": gzip.compress(table().encode()),
    "lines": lines().encode(),
    "packed lines": gzip.compress(b"\n" + lines().encode()),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_file_gives_the_pairs(tmp_path, form):
    (tmp_path / "pairs").write_bytes(FORMS[form])
    pairs = read_labelled_pairs(tmp_path / "pairs")
    assert list(zip(pairs.left, pairs.right, pairs.scores.tolist(), strict=True)) == ROWS


BAD = {
    "empty": (b"\n", SettingError, "is empty"),
    "no header": (
        b"A man.\tA man.\t5\n",
        SettingError,
        "line 1 has no sentence1 and no sentence2 and no score; it has",
    ),
    "comma": (b"sentence1,sentence2,score\n", SettingError, "cells parted by tabs"),
    "no score": (b'{"sentence1": "a", "sentence2": "b"}\n', SettingError, "line 1 has no score"),
    "short": (table().encode() + b"3\ta\n", SettingError, "line 5 has 2 cells, and the header 4"),
    "word": (table([("a", "b", "much")]).encode(), SettingError, "line 2: the score is 'much'"),
    "nan": (table([("a", "b", "nan")]).encode(), SettingError, "line 2: the score is 'nan'"),
    "no score in it": (b'{"sentence1": "a", "sentence2": "b", "score": null}', SettingError, "the score is None"),
    "no text": (b'{"sentence1": null, "sentence2": "b", "score": 1}', SettingError, "must be texts"),
    "half": (b'{"sentence1": "a"\n', SettingError, "line 1 is no JSON"),
    "list": (lines().encode() + b"[1]\n", SettingError, "line 4 is no JSON object"),
    "all the same": (table(ROWS[:1]).encode(), SettingError, "1 pairs and 1 different scores"),
    "latin": (table().encode("latin-1"), SettingError, "is no text in UTF-8: 1 of its bytes"),
    "cut": (gzip.compress(table().encode())[:-9], ReadingError, "can't be read"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_wrong_is_said_with_its_line(tmp_path, name):
    content, error, message = BAD[name]
    (tmp_path / "pairs").write_bytes(content)
    with pytest.raises(error, match=message):
        read_labelled_pairs(tmp_path / "pairs")


def test_a_file_that_is_not_there_is_said(tmp_path):
    with pytest.raises(SettingError, match="no file at"):
        read_labelled_pairs(tmp_path / "pairs")


def ranked(values):
    """The mean place of each value, counted one by one."""
    return [sum(other < one for other in values) + (values.count(one) + 1) / 2 for one in values]


@given(st.lists(st.tuples(st.integers(-3, 3), st.integers(-3, 3)), min_size=2, max_size=12))
def test_rank_correlation_is_the_correlation_of_mean_ranks(rows):
    left, right = (list(column) for column in zip(*rows, strict=True))
    found = rank_correlation(left, right)
    if len(set(left)) == 1 or len(set(right)) == 1:
        assert found == 0
    else:
        assert found == pytest.approx(np.corrcoef(ranked(left), ranked(right))[0, 1], abs=1e-12)


def test_only_the_order_counts():
    assert rank_correlation([1, 2, 3, 4], [0.1, 7.0, 7.5, 1e9]) == pytest.approx(1)
    assert rank_correlation([1, 2, 3, 4], [5, 3, 2, -1]) == pytest.approx(-1)
    assert rank_correlation([1, 2, 3], [1, 3, 2]) == pytest.approx(0.5)  # 1 - 6 * 2 / (3 * 8)
