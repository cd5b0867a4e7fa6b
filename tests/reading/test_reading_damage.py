"""Files that are damaged, foreign or made to harm: always a reason, soon, and never a parser's own error."""

import json
import random
import zipfile
from collections.abc import Callable, Sequence
from io import BytesIO
from itertools import pairwise

import docx
import pypdf
import pytest

from likewise.errors import ReadingError
from likewise.reading import FORMATS
from likewise.types import Document

Reader = Callable[[str, str | bytes], list[Document]]
PdfMaker = Callable[[Sequence[str]], bytes]


def word(text: str) -> bytes:
    file, document = BytesIO(), docx.Document()
    document.add_paragraph(text)
    document.save(file)
    return file.getvalue()


def with_body(data: bytes, xml: bytes) -> bytes:
    """The DOCX with another main part."""
    out = BytesIO()
    with zipfile.ZipFile(BytesIO(data)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, xml if name == "word/document.xml" else old.read(name))
    return out.getvalue()


def encrypted(data: bytes, user: str) -> bytes:
    writer, file = pypdf.PdfWriter(BytesIO(data)), BytesIO()
    writer.encrypt(user, "owner", algorithm="RC4-128")
    writer.write(file)
    return file.getvalue()


def test_pdf_without_text(read_file: Reader, make_pdf: PdfMaker) -> None:
    with pytest.raises(ReadingError, match=r"^PDF without text: 3 pages of images\?$"):
        read_file("a.pdf", make_pdf(["", "", ""]))
    with pytest.raises(ReadingError, match=r"^PDF without text: 1 page of images\?$"):
        read_file("a.pdf", make_pdf([""]))


def test_encrypted_pdf(read_file: Reader, make_pdf: PdfMaker) -> None:
    data = make_pdf(["Secret."])
    with pytest.raises(ReadingError, match=r"^encrypted PDF$"):
        read_file("a.pdf", encrypted(data, "password"))
    assert read_file("a.pdf", encrypted(data, ""))[0].text == "Secret."  # only printing is forbidden


def test_not_a_pdf(read_file: Reader) -> None:
    with pytest.raises(ReadingError, match="not a readable PDF"):
        read_file("a.pdf", b"hello")


def test_one_bad_page_costs_only_itself(read_file: Reader, make_pdf: PdfMaker, monkeypatch: pytest.MonkeyPatch) -> None:
    extract = pypdf.PageObject.extract_text

    def sometimes(page: pypdf.PageObject) -> str:
        if page.page_number == 0:
            raise IndexError("no such glyph")
        return extract(page)

    monkeypatch.setattr(pypdf.PageObject, "extract_text", sometimes)
    (document,) = read_file("a.pdf", make_pdf(["one", "two"]))
    assert document.text[document.metadata["pages"][1] :] == "two"


def test_foreign_docx(read_file: Reader) -> None:
    with pytest.raises(ReadingError, match="not a readable DOCX"):
        read_file("a.docx", b"hello")
    with pytest.raises(ReadingError, match="encrypted DOCX, or a DOC"):
        read_file("a.docx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600))
    other = BytesIO()
    with zipfile.ZipFile(other, "w") as archive:
        archive.writestr("a.txt", "hello")
    with pytest.raises(ReadingError, match="not a readable DOCX"):
        read_file("a.docx", other.getvalue())
    with pytest.raises(ReadingError, match="not a readable DOCX"):
        read_file("a.docx", with_body(word("x"), b"<broken"))


def test_zip_bomb(read_file: Reader) -> None:
    bomb = BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", bytes(101_000_000))
    with pytest.raises(ReadingError, match="DOCX unpacks to 101 MB, over the limit of 100 MB"):
        read_file("a.docx", bomb.getvalue())


def test_entity_bomb(read_file: Reader) -> None:
    names = "abcdefghijkl"
    entities = "".join(f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in pairwise(names))
    body = (
        f'<!DOCTYPE d [<!ENTITY a "lol">{entities}]><w:document '
        'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body><w:p><w:r><w:t>kept &l;</w:t>'
        "</w:r></w:p></w:body></w:document>"
    )
    try:
        (document,) = read_file("a.docx", with_body(word("x"), body.encode()))
    except ReadingError:
        return
    assert len(document.text) < 100


def test_entity_that_names_a_file_is_not_followed(read_file: Reader, tmp_path_factory: pytest.TempPathFactory) -> None:
    secret = tmp_path_factory.mktemp("secret") / "secret.txt"
    secret.write_text("SECRET")
    body = (
        f'<!DOCTYPE d [<!ENTITY x SYSTEM "{secret.as_uri()}">]><w:document '
        'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body><w:p><w:r><w:t>kept &x;</w:t>'
        "</w:r></w:p></w:body></w:document>"
    )
    assert "SECRET" not in read_file("a.docx", with_body(word("x"), body.encode()))[0].text


@pytest.mark.parametrize("source", ["[" * 100_000, '{"a":' * 100_000, "[" * 100_000 + "]" * 100_000])
def test_json_nested_too_deeply(read_file: Reader, source: str) -> None:
    for name in ("a.json", "a.jsonl", "a.ipynb"):
        with pytest.raises(ReadingError, match="nested too deeply"):
            read_file(name, source)


def test_json_that_the_parser_takes_and_the_printer_does_not(read_file: Reader) -> None:
    for depth in range(100, 1000, 100):
        try:
            assert read_file("a.json", '{"a":' * depth + "1" + "}" * depth)
            assert read_file("a.json", '[{"a":' + "[" * depth + "]" * depth + "}]")
        except ReadingError as error:
            assert "nested too deeply" in str(error)


def test_json_errors_name_the_line(read_file: Reader) -> None:
    with pytest.raises(ReadingError, match=r"^not valid JSON: line 3: Expecting value$"):
        read_file("a.json", "[\n1,\n]")
    with pytest.raises(ReadingError, match=r"^not valid JSON: Exceeds the limit"):
        read_file("a.json", "1" * 5000)
    with pytest.raises(ReadingError, match=r"^not valid JSON: line 1: "):
        read_file("a.jsonl", "x\ny\n")


def test_html_nested_deeply(read_file: Reader) -> None:
    (document,) = read_file("a.html", "<div><p>" * 1_500 + "deep" + "</div>" * 1_500)
    assert document.text == "deep"
    (document,) = read_file("a.html", "<div><p>x</div>" * 50_000)
    assert document.text.count("x") == 50_000
    for tag in ("div", "UL><li", "section class='x'"):
        with pytest.raises(ReadingError, match="HTML nested too deeply: over 2,000 levels"):
            read_file("a.html", f"<{tag}>" * 50_000)


@pytest.mark.parametrize("name", ["a.txt", "a.md", "a.rst", "a.html", "a.csv", "a.tsv", "a.py", "a.jsonl", "a.json"])
def test_a_10_mb_line_without_a_space(read_file: Reader, name: str) -> None:
    line = "x" * 10_000_000
    sources = {"a.csv": f"text\n{line}", "a.tsv": f"text\n{line}", "a.jsonl": f'"{line}"', "a.json": f'"{line}"'}
    (document,) = read_file(name, sources.get(name, line))
    assert document.text == line


@pytest.mark.parametrize("name", ["a.md", "a.rst", "a.html", "a.csv", "a.json", "a.jsonl", "a.ipynb"])
@pytest.mark.parametrize("source", ["", " \n\t\n", "\ufeff", "\0"])
def test_blank_files(read_file: Reader, name: str, source: str) -> None:
    with pytest.raises(ReadingError):
        read_file(name, source)


def test_damaged_files_give_documents_or_reasons(read_file: Reader, make_pdf: PdfMaker) -> None:
    """Cut and altered copies of a good file of each kind; anything but documents or a ReadingError fails."""
    good = {
        "a.pdf": make_pdf(["Restart the client.", "Call us."]),
        "a.docx": word("Restart the client."),
        "a.html": b"<html><head><title>x</title></head><body><h1>A</h1><table><tr><td>b</table></body></html>",
        "a.json": json.dumps([{"text": "a", "n": 1}, {"text": "b"}]).encode(),
        "a.ipynb": json.dumps({"cells": [{"cell_type": "code", "source": ["x"]}], "metadata": {}}).encode(),
        "a.csv": b'a,b\n"x, y",2\n',
        "a.md": b"---\ntitle: x\n---\n# A\n",
        "a.rst": b"A\n=\n\nb\n",
    }
    random_source = random.Random(7)
    for name, data in good.items():
        assert read_file(name, data)
        for _ in range(25):
            bad = bytearray(data[: random_source.randrange(len(data))] if random_source.random() < 0.4 else data)
            for _ in range(random_source.randrange(1, 9)):
                if bad:
                    bad[random_source.randrange(len(bad))] = random_source.randrange(256)
            try:
                documents = read_file(name, bytes(bad))
            except ReadingError as error:
                assert str(error)
                continue
            assert all(document.text.encode() and document.text.strip() for document in documents)


@pytest.mark.parametrize("name", FORMATS.names())
def test_binary_content_under_every_extension(read_file: Reader, name: str) -> None:
    for extension in FORMATS.get(name).extensions:
        with pytest.raises(ReadingError):
            read_file(f"x{extension}" if extension[0] == "." else extension, bytes(range(256)) * 20)
