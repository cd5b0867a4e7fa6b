"""Heading paths, kept short enough that heading and text fit the encoder together."""

from collections.abc import Sequence
from dataclasses import dataclass

from likewise.chunking._measuring import TokenOffsets, readable
from likewise.chunking._outline import Region

_TITLE_CHARS = 120
_MOST_TITLES = 8


@dataclass(frozen=True, slots=True)
class Fitted:
    """What a region's chunks get: the heading, shortened if need be, and the tokens left for their text."""

    heading: tuple[str, ...]
    budget: int


def heading_line(heading: Sequence[str]) -> str:
    """The first line of the embedded text."""
    return " > ".join(heading) + "\n"


def fit_headings(
    regions: Sequence[Region], *, offsets: TokenOffsets, max_tokens: int, limit_tokens: int
) -> list[Fitted]:
    """For each region its heading and the budget of its text, so that both together have at most ``limit_tokens``.

    A heading that would leave its text less than half of ``max_tokens`` is shortened until it does not.
    """
    pending = {region.heading: _shortened(region.heading, _TITLE_CHARS) for region in regions if region.heading}
    fitted: dict[tuple[str, ...], Fitted] = {}
    for step in range(5):
        lines = [heading_line(heading) for heading in pending.values()]
        for (full, heading), spans in zip(list(pending.items()), offsets(lines) if lines else [], strict=True):
            budget = min(max_tokens, limit_tokens - len(spans))
            if budget >= max_tokens // 2:
                fitted[full] = Fitted(heading, budget)
                del pending[full]
            else:  # 60, 30 and 15 characters a title, then the innermost title alone
                pending[full] = _shortened(full[-1:] if step == 3 else full, max(15, _TITLE_CHARS >> (step + 1)))
    return [fitted.get(region.heading, Fitted((), max_tokens)) for region in regions]


def _shortened(heading: tuple[str, ...], chars: int) -> tuple[str, ...]:
    return tuple(_title(title, chars) for title in heading[-_MOST_TITLES:])


def _title(title: str, chars: int) -> str:
    line = " ".join(readable(title[: 4 * _TITLE_CHARS]).split())
    return line if len(line) <= chars else line[: chars - 1].rstrip() + "…"
