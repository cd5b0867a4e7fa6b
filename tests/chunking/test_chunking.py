"""Where each way cuts, by example."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from likewise.chunking import ChunkSettings, chunk, embedded_text
from likewise.chunking._definitions import find_definitions
from likewise.chunking._grammars import GRAMMARS
from likewise.chunking._markdown_blocks import find_blocks
from likewise.chunking._sentences import sentence_cuts
from likewise.errors import SettingError, UnknownNameError
from likewise.types import Document, Section

SMALL = ChunkSettings(max_tokens=20)


def cut(text, offsets, *, options=SMALL, **fields):
    return chunk(Document(id="x", text=text, **fields), offsets=offsets, settings=options)


def words(number, word="cat"):
    return " ".join([word] * number)


@pytest.mark.parametrize(
    "wrong",
    [{"way": "sentances"}, {"max_tokens": 7}, {"overlap_tokens": -1}, {"max_tokens": 20, "overlap_tokens": 11}],
)
def test_wrong_settings_are_refused(wrong):
    with pytest.raises(SettingError):
        ChunkSettings(**wrong)


def test_an_unknown_format_is_named(offsets):
    with pytest.raises(UnknownNameError, match=r"no way of chunking named 'markdwn'\. Did you mean 'markdown'"):
        cut("a", offsets, format="markdwn")


def test_sentences_end_where_a_reader_says():
    text = 'Dr. J. Smith paid 3.14 e.g. for it. "Why?" he asked. It was No. 5... Well. 猫だ。犬だ。'
    ends = [int(position) for position, _ in sentence_cuts(text)]
    parts = [text[a:b].strip() for a, b in zip([0, *ends], [*ends, len(text)], strict=True)]
    assert [part for part in parts if part] == [
        "Dr. J. Smith paid 3.14 e.g. for it.",
        '"Why?"',
        "he asked.",
        "It was No. 5...",
        "Well.",
        "猫だ。",
        "犬だ。",
    ]


def test_a_cut_is_made_at_the_strongest_break(offsets):
    text = f"{words(12)}.\n\n{words(4, 'Dog')}. {words(12, 'dog')}."
    first, second = cut(text, offsets)
    assert first.text == f"{words(12)}."
    assert second.text.startswith("Dog")


def test_no_tiny_rest_is_left(offsets):
    sizes = [len(offsets([one.text])[0]) for one in cut(words(21), offsets)]
    assert min(sizes) >= 7


def test_overlap_repeats_whole_words_within_its_budget(offsets):
    found = cut(words(90), offsets, options=ChunkSettings(max_tokens=20, overlap_tokens=5))
    for before, after in pairwise(found):
        shared = before.end - after.start
        assert shared > 0
        assert 1 <= len(offsets([before.text[-shared:]])[0]) <= 5
        assert after.text.startswith("cat")


def test_sections_of_a_document_become_heading_paths(offsets):
    text = "Guide\nVPN\nRestart it.\nMail\nWait.\nEnd\n"
    sections = [
        Section(text.index(title), level, title) for title, level in [("Guide", 1), ("VPN", 2), ("Mail", 2), ("End", 2)]
    ]
    found = cut(text, offsets, sections=sections)
    assert [(one.heading, one.text) for one in found] == [
        (("Guide", "VPN"), "Guide\nVPN\nRestart it."),
        (("Guide", "Mail"), "Mail\nWait.\nEnd"),
    ]
    assert embedded_text(found[0], settings=SMALL) == "Guide > VPN\nGuide\nVPN\nRestart it."
    assert embedded_text(found[0], settings=ChunkSettings(prepend_heading=False)) == found[0].text


def test_a_long_heading_takes_from_the_text_and_is_shortened(offsets):
    title = words(300, "title")
    found = cut(f"# {title}\n{words(100)}", offsets, format="markdown")
    assert all(one.heading[0].endswith("…") for one in found)
    assert max(len(spans) for spans in offsets([embedded_text(one) for one in found])) <= SMALL.limit_tokens


def test_headings_in_fences_and_comments_are_none(offsets):
    text = "---\ntitle: x\n---\n# A\n```\n# no\n```\n<!--\n# no\n-->\nB\n===\nb\n\n    # no\n"
    assert [(s.level, s.title) for s in find_blocks(text).sections] == [(1, "A"), (1, "B")]


def test_each_short_section_is_a_chunk_and_a_bare_heading_goes_with_the_next(offsets):
    found = cut("# Guide\n\n## VPN\n\nRestart it.\n\n## Mail\n\nWait.\n", offsets, format="markdown")
    assert [(one.heading, one.text) for one in found] == [
        (("Guide", "VPN"), "# Guide\n\n## VPN\n\nRestart it."),
        (("Guide", "Mail"), "## Mail\n\nWait."),
    ]


ROW = st.integers(1, 6).map(lambda number: words(number, "dog"))
BLOCK = st.one_of(
    st.integers(1, 30).map(words),
    st.lists(ROW, min_size=1, max_size=9).map(lambda rows: "\n".join(["```", *rows, "```"])),
    st.lists(ROW, min_size=1, max_size=9).map(
        lambda rows: "\n".join(["| a | b |", "|---|---|", *(f"| {row} | x |" for row in rows)])
    ),
    st.lists(ROW, min_size=1, max_size=9).map(lambda rows: "\n".join(f"- {row}" for row in rows)),
)


@given(blocks=st.lists(BLOCK, max_size=6))
def test_blocks_stay_whole_where_they_fit(blocks, offsets):
    text = "\n\nAnd then:\n\n".join(blocks)
    options = ChunkSettings(max_tokens=40)
    found = cut(text, offsets, format="markdown", options=options)
    for block, spans in zip(blocks, offsets(blocks) if blocks else [], strict=True):
        if "dog" in block and len(spans) <= 40:
            assert any(block in one.text for one in found)


BODY = st.lists(st.integers(1, 9).map(lambda number: "    f(" + words(number, "a,") + ")"), min_size=1, max_size=6)


@given(bodies=st.lists(BODY, max_size=6), between=st.sampled_from(["\n\n", "\n\nx = 1\n\n\n", "\n# why\n"]))
def test_functions_stay_whole_where_they_fit(bodies, between, offsets):
    functions = [f"def f{row}():\n" + "\n".join(body) for row, body in enumerate(bodies)]
    found = cut(
        between.join(functions),
        offsets,
        format="code",
        language="python",
        options=ChunkSettings(max_tokens=40, prepend_heading=False),
    )
    for function, spans in zip(functions, offsets(functions) if functions else [], strict=True):
        if len(spans) <= 30:
            assert any(function in one.text for one in found)


@pytest.mark.parametrize(
    ("head", "titles"), [("---\nt: 1\n---", ["A"]), ("---\n\nt\n---", ["t", "A"]), ("---\nt: 1", ["A"])]
)
def test_front_matter_holds_no_heading(head, titles):
    assert [section.title for section in find_blocks(f"{head}\n# A\n").sections] == titles


LINES = st.lists(
    st.sampled_from(
        [
            "# A",
            "## B #",
            "text",
            "===",
            "---",
            "",
            "```",
            "~~~",
            "- item",
            "    code",
            "> quote",
            "1. one",
            "#no",
            "``` a`",
        ]
    ),
    max_size=8,
)


@given(lines=LINES)
@settings(max_examples=300)
def test_headings_are_those_of_a_full_parser(lines):
    """Those outside lists and quotations; what is inside one is no section of the document."""
    text = "intro\n\n" + "\n".join(lines) + "\n"
    tokens = MarkdownIt("commonmark").parse(text)
    expected = [
        (token.map[0], int(token.tag[1]))
        for token in tokens
        if token.type == "heading_open" and token.level == 0 and token.map
    ]
    assert [(text.count("\n", 0, s.start), s.level) for s in find_blocks(text).sections] == expected


PYTHON = '''"""A store."""

import os


# Keeps things.
# Durably.
@final
class Store:
    """Where things are."""

    def commit(self, things):
        """Write them."""
        for thing in things:
            os.write(1, thing)

    # Takes back.
    def rollback(self):
        for thing in reversed(self.things):
            os.remove(thing)
            self.things.remove(thing)


def main():
    store = Store()
    store.commit([b"a", b"b", b"c"])
'''


def test_definitions_that_fit_are_chunks_and_classes_split_at_members(offsets):
    found = cut(PYTHON, offsets, format="code", language="python", options=ChunkSettings(max_tokens=48))
    paths = [(one.heading, one.text.strip().splitlines()[0]) for one in found]
    assert (("class Store", "def rollback"), "# Takes back.") in paths
    assert (("def main",), "def main():") in paths
    assert any(one.text.startswith("# Keeps things.\n# Durably.\n@final\nclass Store:") for one in found)


def test_what_is_tiny_joins_a_neighbour_without_taking_its_heading(offsets):
    found = cut(PYTHON, offsets, format="code", language="python", options=ChunkSettings(max_tokens=150))
    assert [one.heading for one in found] == [(), ("def main",)]
    assert found[0].text.startswith('"""A store."""')


SNIPPETS = {
    "bash": ("# hi\nfoo() {\n echo 1\n}\n", ["foo"]),
    "c": ("/* d */\nstatic char *foo(int a) {}\nstruct a { int b; };\n", ["static char *foo", "struct a"]),
    "c_sharp": ("namespace N { class A { int F(int x) { return x; } } }", ["namespace N", "class A", "int F"]),
    "cpp": ("template <class T>\nclass A { void f() {} };\nint A::g() {}\n", ["class A", "void f", "int A::g"]),
    "go": ("func (s *Store) Commit(a int) {\n}\ntype Store struct {}\n", ["func (s *Store) Commit", "type Store"]),
    "java": ("/** d */\n@Foo\nclass A {\n  @Override\n  public void run() {}\n}\n", ["class A", "public void run"]),
    "javascript": ("export class A { foo(a) { } }\nconst f = (x) => { }\n", ["class A", "foo", "const f"]),
    "php": ("<?php\nclass A { public function f($a) { } }\n", ["class A", "public function f"]),
    "python": ("class A:\n  async def f(self): pass\n", ["class A", "async def f"]),
    "ruby": ("module M\n  class A < B\n    def self.x; end\n  end\nend\n", ["module M", "class A", "def self.x"]),
    "rust": (
        "#[derive(Debug)]\nstruct A {}\nimpl<T> F for A {\n fn a() {}\n}\n",
        ["struct A", "impl<T> F for A", "fn a"],
    ),
    "tsx": ("export const A = () => <div/>;\n", ["const A"]),
    "typescript": (
        "export interface A { }\nabstract class B<T> { f(): void {} }\n",
        ["interface A", "abstract class B", "f"],
    ),
}


@pytest.mark.parametrize("language", GRAMMARS)
def test_every_grammar_finds_definitions_with_their_titles(language):
    text, titles = SNIPPETS[language]

    def flat(definitions):
        return [title for one in definitions for title in (one.title, *flat(one.inner))]

    assert flat(find_definitions(text, language)) == titles


def test_positions_are_characters_not_bytes():
    text = "x = '猫👩é'\n\ndef f():\n    return '犬'\n\n\ndef g(): pass\n"
    assert [text[one.start : one.end] for one in find_definitions(text, "python")] == [
        "def f():\n    return '犬'",
        "def g(): pass",
    ]


def test_code_without_a_grammar_is_cut_at_its_least_indented_lines(offsets):
    text = "\n".join(f"proc p{i} {{\n    set a {i}\n    set b {i}\n}}" for i in range(9))
    found = cut(text, offsets, format="code", language="tcl", options=ChunkSettings(max_tokens=40))
    assert all(one.text.startswith("proc") and one.text.endswith("}") for one in found)


def test_whole_is_one_chunk_without_outer_blanks(offsets):
    (one,) = cut(f"\n\n  {words(500)} \n", offsets, options=ChunkSettings(way="whole"))
    assert one.text == f"  {words(500)}"
