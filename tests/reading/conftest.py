"""Small real files, made on the spot."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from likewise.reading import Reading, read
from likewise.types import Document

Reader = Callable[[str, str | bytes], list[Document]]


@pytest.fixture
def read_file(tmp_path: Path) -> Reader:
    """``read_file(name, content)``: the documents in a file of that name; raises what parse() raises."""

    def parse(name: str, content: str | bytes) -> list[Document]:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        reading: Reading = read(path)
        (state,) = reading.files()
        return reading.parse(state)

    return parse


def pdf(pages: Sequence[str]) -> bytes:
    """A PDF with one line of ASCII text on each page; "" makes a page without text."""
    kids = " ".join(f"{4 + 2 * n} 0 R" for n in range(len(pages)))
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    for n, text in enumerate(pages):
        drawn = f"BT /F1 12 Tf 72 720 Td ({text}) Tj ET" if text else "0 0 100 100 re f"
        objects.append(
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Resources << /Font << /F1 3 0 R >> >> "
            f"/Contents {5 + 2 * n} 0 R >>"
        )
        objects.append(f"<< /Length {len(drawn)} >>\nstream\n{drawn}\nendstream")
    out, offsets = "%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += f"{number} 0 obj\n{body}\nendobj\n"
    table = "".join(f"{offset:010} 00000 n \n" for offset in offsets)
    trailer = f"trailer << /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{len(out)}\n%%EOF\n"
    return f"{out}xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}{trailer}".encode()


@pytest.fixture
def make_pdf() -> Callable[[Sequence[str]], bytes]:
    return pdf
