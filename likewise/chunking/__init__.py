"""Documents to chunks: stretches of text that fit the encoder, cut where their structure allows it.

A way (``text``, ``markdown``, ``code``, ``whole``: one file each) says where a document may be cut and under which
headings its parts stand. Packing those parts into the token budget is the same code for all of them, so what a
chunk promises does not depend on the way.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from likewise.chunking._headings import fit_headings, heading_line
from likewise.chunking._measuring import Meter, TokenOffsets, readable
from likewise.chunking._outline import Outline
from likewise.chunking._packing import Span, pack
from likewise.chunking._repairing import repair
from likewise.chunking._sentences import paragraph_cuts, sentence_cuts
from likewise.errors import SettingError
from likewise.registry import Folder
from likewise.types import Chunk, Document

__all__ = ["CHUNKERS", "ChunkSettings", "TokenOffsets", "chunk", "embedded_text", "paragraph_cuts", "sentence_cuts"]

CHUNKERS: Folder[Callable[..., Outline]] = Folder("way of chunking", "likewise.chunking")
_LEAST_TOKENS = 8  # below this a single character may already be over the budget


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkSettings:
    """How documents are cut.

    Example:
        >>> ChunkSettings(max_tokens=200).limit_tokens
        250
    """

    way: str = "auto"  # "auto" takes the one that Document.format names
    max_tokens: int = 200  # of the chunk's own text, in the encoder's tokens, special tokens not counted
    overlap_tokens: int = 0  # at most this many tokens of a chunk are repeated at the start of the next one
    prepend_heading: bool = True  # embed the heading path together with the text

    def __post_init__(self) -> None:
        if self.way != "auto" and self.way not in CHUNKERS.names():
            known = ", ".join(["auto", *CHUNKERS.names()])
            raise SettingError(f"no way of chunking named {self.way!r}. Known: {known}.")
        if self.max_tokens < _LEAST_TOKENS:
            raise SettingError(f"max_tokens is {self.max_tokens}; it must be at least {_LEAST_TOKENS}.")
        if not 0 <= self.overlap_tokens <= self.max_tokens // 2:
            half = self.max_tokens // 2
            raise SettingError(
                f"overlap_tokens is {self.overlap_tokens}; it must be from 0 to half of max_tokens ({half})."
            )

    @property
    def limit_tokens(self) -> int:
        """The most tokens that ``embedded_text`` can have: the budget, and a quarter of it for a heading.

        It holds for any tokenizer that parts words at line ends.
        """
        return self.max_tokens + self.max_tokens // 4 if self.prepend_heading else self.max_tokens


def chunk(document: Document, *, offsets: TokenOffsets, settings: ChunkSettings = ChunkSettings()) -> list[Chunk]:
    """Cut a document into chunks that fit the token budget.

    Args:
        document: Its ``format`` picks the way of cutting, unless ``settings.way`` names one.
        offsets: Gives the character spans of the tokens of each of many texts, without special tokens.
        settings: The budget and the way.

    Returns:
        Chunks in order of their start. Each non-blank character of the document is in one of them, none is blank,
        ``chunk.text == document.text[chunk.start:chunk.end]``, and each has at most ``max_tokens`` tokens and
        16 * ``max_tokens`` characters (except by the way ``whole``). A blank document gives no chunk.

    Raises:
        UnknownNameError: Nothing cuts documents of this format.
    """
    text = readable(document.text)
    way = CHUNKERS.get(document.format if settings.way == "auto" else settings.way)
    if not text or text.isspace():
        return []
    meter = Meter(text, offsets)
    outline = way(replace(document, text=text), count=meter.count, budget=settings.max_tokens)
    if not outline.budgeted:
        spans = [Span(region.start, region.end, 0, region.heading) for region in outline.regions]
    else:
        fitted = fit_headings(
            outline.regions, offsets=offsets, max_tokens=settings.max_tokens, limit_tokens=settings.limit_tokens
        )
        spans = repair(pack(outline, fitted, meter=meter, overlap_tokens=settings.overlap_tokens), meter=meter)
    return [
        Chunk(text=document.text[span.start : span.end], start=span.start, end=span.end, heading=span.heading)
        for span in spans
    ]


def embedded_text(chunk: Chunk, *, settings: ChunkSettings = ChunkSettings()) -> str:
    r"""What is embedded for a chunk: a line with its heading path, if it has one, and its text.

    Example:
        >>> embedded_text(Chunk(text="Restart it.", start=0, end=11, heading=("Guide", "VPN")))
        'Guide > VPN\nRestart it.'
    """
    if not settings.prepend_heading or not chunk.heading:
        return chunk.text
    return f"{heading_line(chunk.heading)}{chunk.text}"
