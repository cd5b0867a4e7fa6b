"""Where paragraphs, lines, sentences and clauses end. Each pattern here is linear: it never takes back a character."""

import re
from collections.abc import Iterable
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from likewise.chunking._outline import Break, merge_cuts, pairs

_PARAGRAPH = re.compile(r"\n(?:[^\S\n]*+\n)++")
_LINE = re.compile(r"\n")
_CLOSERS = "\"'”’»)\\]」』）】》"
_STOP = re.compile(rf"[.!?…]++[{_CLOSERS}]*+")
_WIDE_STOP = re.compile(rf"[。！？｡]++[{_CLOSERS}]*+")
_WIDE_PAUSE = re.compile("[，、；：]")
_WORD_CHARS = 12  # how far before a full stop an abbreviation may begin
_ABBREVIATIONS_TEXT = """
mr mrs ms dr prof st jr sr rev hon gen col capt lt sgt vs etc eg e.g ie i.e cf al no nos vol pp p fig figs eq eqs sec ch
ed eds dept univ inc ltd co corp approx est jan feb mar apr jun jul aug sep sept oct nov dec ca viz resp z.b d.h bzw usw
nr str abs art bspw vgl u.a m sra srta pág
"""
_ABBREVIATIONS = frozenset(_ABBREVIATIONS_TEXT.split())


def paragraph_cuts(text: str) -> NDArray[np.int64]:
    """After blank lines, (N, 2)."""
    return _cuts((match.end() for match in _PARAGRAPH.finditer(text)), Break.PARAGRAPH)


def line_cuts(text: str) -> NDArray[np.int64]:
    """After line ends, (N, 2)."""
    return _cuts((match.end() for match in _LINE.finditer(text)), Break.LINE)


def sentence_cuts(text: str) -> NDArray[np.int64]:
    """After sentences, and after clauses in scripts without blanks, (N, 2)."""
    stops = (match.end() for match in _STOP.finditer(text) if _ends_sentence(text, match.start(), match.end()))
    if text.isascii():
        return _cuts(stops, Break.SENTENCE)
    wide = (match.end() for match in _WIDE_STOP.finditer(text))
    pauses = (match.end() for match in _WIDE_PAUSE.finditer(text))
    return merge_cuts(_cuts(chain(stops, wide), Break.SENTENCE), _cuts(pauses, Break.CLAUSE))


def _cuts(positions: Iterable[int], strength: Break) -> NDArray[np.int64]:
    return pairs([(position, strength) for position in positions])


def _ends_sentence(text: str, start: int, end: int) -> bool:
    """Whether the terminators text[start:end] end a sentence: not in 3.14, e.g. this, or J. R. Smith."""
    if not text[end : end + 1].isspace():
        return False
    if text[start] in "!?":
        return True
    following = text[end + 1 : end + 2]
    if following.islower():
        return False
    if end - start > 1:  # an ellipsis, or a closing bracket after the stop
        return True
    words = text[max(0, start - _WORD_CHARS) : start].rsplit(None, 1)
    word = words[-1].lstrip("([\"'“‘") if words else ""
    return not (word.lower() in _ABBREVIATIONS or (len(word) == 1 and word.isalpha()))
