"""Plain text by its sections, paragraphs and sentences."""

from likewise.chunking._outline import Count, Outline, merge_cuts
from likewise.chunking._sections import section_regions
from likewise.chunking._sentences import line_cuts, paragraph_cuts, sentence_cuts
from likewise.types import Document


def outline(document: Document, *, count: Count, budget: int) -> Outline:  # noqa: ARG001 (needs neither)
    """A region for each section, cut between paragraphs, sentences and lines."""
    text = document.text
    return Outline(
        regions=section_regions(text, document.sections),
        cuts=merge_cuts(paragraph_cuts(text), sentence_cuts(text), line_cuts(text)),
    )


PLUGIN = outline
