"""Each format on a real small file."""

import ast
import json
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from io import BytesIO
from pathlib import Path

import docx
import pytest

from likewise.reading import FORMATS, Format, _formats, read
from likewise.types import Document, Section

Reader = Callable[[str, str | bytes], list[Document]]


def headings(document: Document) -> list[tuple[int, str]]:
    """Level and title of each section, having checked that it starts where the title stands."""
    for section in document.sections:
        assert document.text[section.start :].startswith(section.title)
    return [(section.level, section.title) for section in document.sections]


@pytest.mark.parametrize("name", FORMATS.names())
def test_every_format_declares_itself(name: str) -> None:
    plugin = FORMATS.get(name)
    assert isinstance(plugin, Format)
    assert FORMATS.summary(name)
    for extension in plugin.extensions:
        assert extension == extension.lower()
        assert _formats.format_of(f"x{extension}" if extension[0] == "." else extension) == name


def test_no_two_formats_claim_an_extension() -> None:
    claims = Counter(extension for name in FORMATS.names() for extension in FORMATS.get(name).extensions)
    assert claims.most_common(1)[0][1] == 1


def test_format_of_another_package_needs_only_an_entry_point(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "shouting.py").write_text(
        "from likewise.reading import Format\n"
        "def parse(content):\n    yield content.document(content.text().upper())\n"
        "PLUGIN = Format(('.loud', '.log'), parse)\n"
    )
    info = tmp_path / "shouting-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: shouting\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[likewise.reading]\nshouting = shouting:PLUGIN\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    _formats._formats_by_extension.cache_clear()
    try:
        for name in ("a.loud", "b.log"):
            (tmp_path / name).write_text("hello")
        texts = [document.text for document in read(tmp_path / "a.loud", tmp_path / "b.log")]
        assert texts == ["HELLO", "HELLO"]
    finally:
        sys.modules.pop("shouting", None)
        _formats._formats_by_extension.cache_clear()


def test_failure_of_a_parser_is_a_reason_with_its_cause(
    read_file: Reader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(content: object) -> list[Document]:
        raise ZeroDivisionError("deep\nin a library")

    monkeypatch.setattr("likewise.reading.rst.PLUGIN", Format((".rst",), fail))
    with pytest.raises(OSError, match=r"^ZeroDivisionError: deep in a library$") as caught:
        read_file("a.rst", "x")
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_text_is_kept_as_it_is(read_file: Reader) -> None:
    (document,) = read_file("README", "\n  one\r\n\ttwo\rthree \n")
    assert document.text == "\n  one\n\ttwo\nthree \n"
    assert document.metadata["extension"] == ""


def test_markdown_front_matter_is_metadata(read_file: Reader) -> None:
    source = "---\ntitle: VPN\ntags: [net, it]\ndate: 2024-05-01\nname: x\nlevel: 3\n---\n\n# VPN  \n\nRestart.\n"
    (document,) = read_file("a.md", source)
    assert document.text == "# VPN  \n\nRestart.\n"
    assert document.format == "markdown"
    own = {"title": "VPN", "tags": ["net", "it"], "date": "2024-05-01", "own_name": "x", "level": 3}
    assert document.metadata == {"path": "a.md", "name": "a.md", "extension": "md"} | own


def test_markdown_toml_front_matter(read_file: Reader) -> None:
    (document,) = read_file("a.md", "+++\ntitle = 'VPN'\ndraft = false\n+++\nRestart.\n")
    assert (document.metadata["title"], document.metadata["draft"], document.text) == ("VPN", False, "Restart.\n")


@pytest.mark.parametrize(
    "source",
    [
        "---\nnot front matter, but a rule\n---\ntext",
        "---\na: [\n---\ntext",
        "---\ntext",
        "---\n---\ntext",
        "# title\n---\na: 1\n---\n",
        "---\na: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n---\ntext",
        "---\n" + "[" * 15_000 + "\n---\ntext",
    ],
)
def test_markdown_without_valid_front_matter_is_all_text(read_file: Reader, source: str) -> None:
    assert read_file("a.md", source)[0].text == source


def test_rst_titles_are_sections(read_file: Reader) -> None:
    source = (
        "=====\nGuide\n=====\n\nIntro.\n\nInstall\n-------\n\nRun it.\n\nOn Linux\n~~~~~~~~\n\n"
        "Use\n---\n\nx\n\n----\n\n==  ==\na   b\n==  ==\n\nText that\nends.\n"
    )
    (document,) = read_file("a.rst", source)
    assert document.text == source
    assert headings(document) == [(1, "Guide"), (2, "Install"), (3, "On Linux"), (2, "Use")]


def test_html_keeps_the_main_text(read_file: Reader) -> None:
    page = """<!doctype html><html><head><title> Hand
      book </title><style>p {}</style></head><body><nav>Home</nav><header><h1>The <em>VPN</em></h1></header>
      <p>Restart   the
      <b>cli</b>ent.<br>Twice.</p><script>alert(1)</script><h2>If it fails</h2>
      <ul><li>Call us</li><li>Write</li></ul><pre>
  a = 1
    b</pre><table><tr><th>day</th><th>hours</th></tr><tr><td>Mon</td><td>9&ndash;5</td></tr></table>
      <footer>imprint</footer></body></html>"""
    (document,) = read_file("a.html", page)
    assert document.text == (
        "The VPN\n\nRestart the client.\nTwice.\n\nIf it fails\n\nCall us\nWrite\n\n  a = 1\n    b\n\n"
        "day | hours\nMon | 9–5"
    )
    assert headings(document) == [(1, "The VPN"), (2, "If it fails")]
    assert document.metadata["title"] == "Hand book"


def test_html_prefers_main_and_falls_back_to_the_body(read_file: Reader) -> None:
    assert read_file("a.html", "<div>around</div><main><p>inside</main>")[0].text == "inside"
    assert read_file("a.html", "<div>around</div><main> </main>")[0].text == "around"


def test_html_encoding_that_the_page_declares(read_file: Reader) -> None:
    page = '<meta http-equiv="Content-Type" content="text/html; charset=windows-1254"><p>ış</p>'
    assert read_file("a.html", page.encode("cp1254"))[0].text == "ış"


def test_pdf_pages(read_file: Reader, make_pdf: Callable[[Sequence[str]], bytes]) -> None:
    (document,) = read_file("a.pdf", make_pdf(["Restart the client.", "", "Call us."]))
    starts = document.metadata["pages"]
    assert document.text[starts[0] :].startswith("Restart the client.")
    assert document.text[starts[2] :] == "Call us."
    assert len(starts) == 3


def test_docx(read_file: Reader) -> None:
    word = docx.Document()
    word.core_properties.title = "Handbook"
    word.add_heading("VPN", 0)
    word.add_paragraph("Restart the client.\nTwice.")
    word.add_heading("Hours", 2)
    table = word.add_table(rows=2, cols=3)
    for row, texts in zip(table.rows, (["day", "hours", "where"], ["Mon", "9-5", ""]), strict=True):
        for cell, text in zip(row.cells, texts, strict=True):
            cell.text = text
    table.rows[1].cells[1].merge(table.rows[1].cells[2])
    word.add_paragraph("")
    word.add_paragraph("End.")
    file = BytesIO()
    word.save(file)
    (document,) = read_file("a.docx", file.getvalue())
    assert document.text == ("VPN\n\nRestart the client.\nTwice.\n\nHours\n\nday | hours | where\nMon | 9-5\n\nEnd.")
    assert headings(document) == [(1, "VPN"), (2, "Hours")]
    assert document.metadata["title"] == "Handbook"


def test_csv_gives_one_document_a_row(read_file: Reader) -> None:
    source = 'id,Title,year,price,code,body\n1,VPN,2020,1.5,007,"Restart,\r\nthen ""wait""."\n\n2,,2021,,x,Call\n'
    source += "3,Only,,,,\n"
    first, second, third = read_file("a.csv", source)
    assert first.text == 'VPN\n\nRestart,\nthen "wait".'
    assert first.id == first.source
    assert [document.id.rpartition("#")[2] for document in (first, second, third)] == ["1", "2", "3"]
    assert first.sections == (Section(0, 1, "VPN"),)
    known = {"path": "a.csv", "name": "a.csv", "extension": "csv"}
    assert first.metadata == known | {"id": 1, "year": 2020, "price": 1.5, "code": "007"}
    assert second.metadata == known | {"id": 2, "year": 2021, "code": "x"}
    assert (second.text, third.text) == ("Call", "Only")


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_csv_delimiter_is_found(read_file: Reader, delimiter: str) -> None:
    lines = [("kind", "note"), ("a", '"x, y; z | é"'), ("b", "one two")]
    source = "\n".join(delimiter.join(line) for line in lines)
    documents = read_file("a.csv", source)
    assert [document.text for document in documents] == ["x, y; z | é", "one two"]
    assert [document.metadata["kind"] for document in documents] == ["a", "b"]


def test_csv_odd_shapes(read_file: Reader) -> None:
    documents = read_file("a.csv", "note,,note\na long text,1,b,4\nshort\n")
    assert [document.text for document in documents] == ["a long text", "short"]
    assert {k: v for k, v in documents[0].metadata.items() if "_" in k} == {"column_2": 1, "note_3": "b", "column_4": 4}
    assert [document.text for document in read_file("a.csv", "one\ntwo\nthree\n")] == ["two", "three"]
    assert read_file("a.csv", "a,b\n1,2\n3,4\n")[0].text == "1"


def test_csv_field_of_10_mb(read_file: Reader) -> None:
    (document,) = read_file("a.csv", "id,text\n1," + "x" * 10_000_000)
    assert len(document.text) == 10_000_000


def test_json_list_of_objects_is_rows(read_file: Reader) -> None:
    rows = [
        {"title": "VPN", "text": "Restart.", "tags": ["a"], "n": 2**70, "none": None},
        {"text": "Call.", "ok": True},
    ]
    first, second = read_file("a.json", json.dumps(rows))
    assert (first.text, second.text) == ("VPN\n\nRestart.", "Call.")
    assert first.metadata == {"path": "a.json", "name": "a.json", "extension": "json", "tags": ["a"], "n": str(2**70)}
    assert second.id.endswith("a.json#2")
    assert second.metadata["ok"] is True


def test_json_of_another_shape_is_one_document(read_file: Reader) -> None:
    (document,) = read_file("a.json", '{"städte": ["Ulm", 1]}')
    assert document.text == '{\n  "städte": [\n    "Ulm",\n    1\n  ]\n}'
    assert document.id.endswith("a.json")
    assert read_file("a.json", "[1, 2]")[0].text == "[\n  1,\n  2\n]"


def test_surrogates_and_numbers_that_json_should_not_hold_are_storable(read_file: Reader) -> None:
    source = r'[{"text": "a\ud800b \ud83d\ude00", "k\udfff": ["\udc00", NaN, {"\ud801": "x\u0000"}]}]'
    (document,) = read_file("a.json", source)
    assert document.text == "a\ufffdb 😀"
    assert document.metadata["k\ufffd"] == ["\ufffd", None, {"\ufffd": "x "}]
    json.dumps(dict(document.metadata), allow_nan=False, ensure_ascii=False).encode()


def test_json_lines_keep_what_is_good(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": "one\u2028two"}\n\n{"text": \n"three"\n{"text": "four", "n": 1}\n')
    reading = read(tmp_path)
    documents = list(reading)
    assert [(document.text, document.id.rpartition("#")[2]) for document in documents] == [
        ("one\u2028two", "1"),
        ("three", "4"),
        ("four", "5"),
    ]
    (skipped,) = reading.report.skipped
    assert skipped.path == f"{tmp_path}/a.jsonl#3"
    assert skipped.reason == "not valid JSON: line 3: Expecting value"
    assert (reading.report.read, reading.report.documents) == (1, 3)


def test_notebook_gives_text_and_code_without_outputs(read_file: Reader) -> None:
    cells = [
        {"cell_type": "markdown", "source": ["# Plan\n", "Do it."]},
        {"cell_type": "code", "source": 'print("""```""")', "outputs": [{"text": "SECRET"}]},
        {"cell_type": "code", "source": []},
        {"cell_type": "raw", "source": "raw"},
    ]
    (document,) = read_file("a.ipynb", json.dumps({"cells": cells, "metadata": {"kernelspec": {"language": "R"}}}))
    assert document.text == '# Plan\nDo it.\n\n````r\nprint("""```""")\n````'
    assert document.format == "markdown"


@pytest.mark.parametrize(
    ("name", "language"),
    [("a.py", "python"), ("a.TSX", "tsx"), ("a.ts", "typescript"), ("a.cs", "c_sharp"), ("Makefile", "make")],
)
def test_source_code(read_file: Reader, name: str, language: str) -> None:
    (document,) = read_file(name, "x = 1\n")
    assert (document.format, document.language, document.text) == ("code", language, "x = 1\n")


def test_extensions_are_literals() -> None:
    """They are read without importing the file."""
    for name in FORMATS.names():
        tree = ast.parse(_formats._source(name))
        names = [ast.unparse(node.targets[0]) for node in tree.body if isinstance(node, ast.Assign)]
        assert "EXTENSIONS" in names
