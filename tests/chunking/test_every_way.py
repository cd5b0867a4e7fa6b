"""What every way of chunking owes its callers. A new file in likewise/chunking/ is tested here with no edit."""

import re
import time
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import likewise
from likewise.chunking import CHUNKERS, ChunkSettings, chunk, embedded_text
from likewise.types import Document, Section

WAYS = [name for name in CHUNKERS.names() if name != "whole"]
PIECES = [
    *("a", "The cat purrs. ", "supercalifragilistic ", "3.14 ", "e.g. ", "?! ", "…", "x" * 90, "y" * 300),
    *("é", "e\u0301", "\u0301\u0302", "猫。", "，", "👩\u200d👩\u200d👧", "ﷺ", "한국어", "İ", "ß", "Thaiภาษาไทย"),
    *("\ud800", "\x00", "\ufffd", "\u200b", "\x1c", "\x85", "\xa0", "\u3000", "\u2028"),
    *("\r\n", "\n", "\n\n", "\t", "   ", "    ", "[SEP]", "##", "'", '"""', "(", ")", "}", "//"),
    *("# T\n", "## U\n", "===\n", "---\n", "```\n", "~~~\n", "- i\n", "1. j\n", "> q\n", "<!--", "-->"),
    *("| a | b |\n", "|---|---|\n", "def f(a):\n", "    return 1\n", "class A:\n", "/* */\n", "@d\n"),
]
SURROGATE = re.compile("[\ud800-\udfff]")
HOSTILE = [
    "x",
    "a. ",
    "#",
    "`",
    "(",
    "(\n",
    "- ",
    "|",
    "> ",
    "a\n=\n",
    "|a|\n|-|\n",
    "\n",
    " ",
    '"',
    "/*",
    "_ ",
    "。",
    "```\n",
]
TEXTS = st.one_of(
    st.lists(st.sampled_from(PIECES), max_size=80).map("".join),
    st.text(st.characters(exclude_categories=()), max_size=300),
)
SETTINGS = st.builds(
    lambda most, share, prepend: ChunkSettings(
        max_tokens=most, overlap_tokens=int(most * share), prepend_heading=prepend
    ),
    st.integers(8, 40),
    st.sampled_from([0, 0.2, 0.5]),
    st.booleans(),
)
SECTIONS = st.lists(st.builds(Section, st.integers(0, 200), st.integers(1, 9), st.sampled_from(PIECES)), max_size=4)


def check(document, found, options, offsets):
    """All promises about the chunks of one document."""
    text = document.text
    covered = bytearray(len(text))
    for one in found:
        assert one.text == text[one.start : one.end]
        assert one.text.strip(), one
        assert len(one.text) <= 16 * options.max_tokens
        covered[one.start : one.end] = b"\x01" * (one.end - one.start)
    assert all(seen or letter.isspace() for seen, letter in zip(covered, text, strict=True))
    starts = [one.start for one in found]
    assert starts == sorted(set(starts))
    if not options.overlap_tokens:
        assert all(a.end <= b.start for a, b in pairwise(found))
    readable = [SURROGATE.sub("\ufffd", one.text) for one in found]
    sizes = [len(spans) for spans in offsets(readable)] if found else []
    for one, size in zip(found, sizes, strict=True):
        assert size <= options.max_tokens or len(one.text) == 1, (size, one)


@pytest.mark.parametrize("way", WAYS)
@given(text=TEXTS, sections=SECTIONS, options=SETTINGS, language=st.sampled_from(["python", "javascript", "c", "none"]))
@settings(max_examples=120, deadline=None)
def test_promises_hold_for_any_text(way, text, sections, options, language, any_offsets):
    offsets = any_offsets
    document = Document(id="x", text=text, format=way, language=language, sections=sections)
    found = chunk(document, offsets=offsets, settings=options)
    check(document, found, options, offsets)
    assert found == chunk(document, offsets=offsets, settings=options)


@pytest.mark.parametrize("way", WAYS)
@given(text=TEXTS, sections=SECTIONS, options=SETTINGS)
@settings(max_examples=120, deadline=None)
def test_heading_and_text_fit_together(way, text, sections, options, offsets):
    document = Document(id="x", text=SURROGATE.sub("", text), format=way, language="python", sections=sections)
    found = chunk(document, offsets=offsets, settings=options)
    embedded = [SURROGATE.sub("\ufffd", embedded_text(one, settings=options)) for one in found]
    for one, spans in zip(found, offsets(embedded) if found else [], strict=True):
        assert len(spans) <= options.limit_tokens or len(one.text) == 1


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("overlap_tokens", [0, 40])
def test_promises_hold_for_real_files(way, overlap_tokens, any_offsets):
    options = ChunkSettings(way=way, max_tokens=100, overlap_tokens=overlap_tokens)
    for path in sorted(Path(likewise.__file__).parent.glob("*/*.py"))[:8]:
        document = Document(id=path.name, text=path.read_text(), language="python")
        check(document, chunk(document, offsets=any_offsets, settings=options), options, any_offsets)


@pytest.mark.parametrize("way", CHUNKERS.names())
@pytest.mark.parametrize("text", ["", " \n\t\u3000", "\x1c\x85"])
def test_a_blank_document_gives_no_chunk(way, text, offsets):
    assert chunk(Document(id="x", text=text, format=way), offsets=offsets) == []


def test_every_way_has_a_one_line_summary():
    assert all(CHUNKERS.summary(name).endswith(".") for name in CHUNKERS.names())


@pytest.mark.slow  # it compares times
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("unit", HOSTILE)
def test_time_is_linear_on_hostile_input(way, unit, offsets):
    """Sixteen times the text in far less than 256 times the time."""

    def seconds(chars):
        document = Document(id="x", text="w" + unit * (chars // len(unit)) + "w", format=way, language="python")
        start = time.process_time()
        found = chunk(document, offsets=offsets)
        took = time.process_time() - start
        assert found
        return took

    small = min(seconds(2_000), seconds(2_000))
    assert min(seconds(32_000), seconds(32_000)) < 0.05 + 64 * small


def test_a_word_of_two_megabytes_is_cut(offsets):
    found = chunk(Document(id="x", text="x" * 2_000_000), offsets=offsets)
    assert sum(len(one.text) for one in found) == 2_000_000
    assert max(len(one.text) for one in found) <= 3_200
