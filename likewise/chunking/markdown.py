"""Markdown by its headings; fenced code, tables and lists stay whole where they fit."""

import numpy as np
from numpy.typing import NDArray

from likewise.chunking._markdown_blocks import Blocks, find_blocks
from likewise.chunking._outline import Count, Outline, merge_cuts, pairs
from likewise.chunking._sections import section_regions
from likewise.chunking._sentences import line_cuts, sentence_cuts
from likewise.types import Document


def outline(document: Document, *, count: Count, budget: int) -> Outline:  # noqa: ARG001 (needs neither)
    """A region for each heading with its own text, cut between blocks, list items and sentences."""
    text = document.text
    blocks: Blocks = find_blocks(text)
    return Outline(
        regions=section_regions(text, blocks.sections),
        cuts=merge_cuts(
            pairs(blocks.cuts), line_cuts(text), _outside(sentence_cuts(text), pairs([*blocks.fences, *blocks.tables]))
        ),
        wholes=pairs(sorted([*blocks.fences, *blocks.tables, *blocks.lists])),
    )


def _outside(cuts: NDArray[np.int64], spans: NDArray[np.int64]) -> NDArray[np.int64]:
    """Cuts that lie in none of the spans: a full stop in code ends no sentence."""
    spans = spans[np.argsort(spans[:, 0], kind="stable")]
    row = spans[:, 0].searchsorted(cuts[:, 0], "left") - 1  # the last span that begins before the cut
    inside = (row >= 0) & (cuts[:, 0] < np.append(spans[:, 1], 0)[row])
    return cuts[~inside]


PLUGIN = outline
