"""The document as one chunk, however long: what is over the encoder's maximum is for its overflow policy."""

from likewise.chunking._outline import Count, Outline, Region
from likewise.chunking._packing import first_nonblank, last_nonblank
from likewise.types import Document


def outline(document: Document, *, count: Count, budget: int) -> Outline:  # noqa: ARG001 (needs neither)
    """One region without its outer blanks."""
    end = last_nonblank(document.text, 0, len(document.text))
    return Outline(regions=[Region(first_nonblank(document.text, 0, end), end)], budgeted=False)


PLUGIN = outline
