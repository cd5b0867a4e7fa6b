"""Texts that no one would write: scripts, marks, controls, emoji and spaces of all kinds, mixed by a seed."""

import random
from collections.abc import Iterator
from pathlib import Path

WORDS = Path(__file__).parent.parent.joinpath("tests", "data", "sentences.txt").read_text(encoding="utf-8").split()
BLOCKS = (
    (0x00, 0x20),  # controls
    (0x20, 0x7F),
    (0x7F, 0xA1),
    (0xA0, 0x250),  # Latin
    (0x300, 0x370),  # combining marks
    (0x370, 0x530),  # Greek, Cyrillic
    (0x590, 0x700),  # Hebrew, Arabic
    (0x900, 0xA00),  # Devanagari, Bengali
    (0xE00, 0xE80),  # Thai
    (0x1100, 0x1200),  # Hangul, in parts
    (0x1E00, 0x2000),  # Latin and Greek with marks
    (0x2000, 0x2070),  # spaces, joiners, directions
    (0x2070, 0x2BFF),  # signs
    (0x3000, 0x3130),  # kana
    (0x4E00, 0x5200),  # CJK
    (0xAC00, 0xAD00),  # Hangul
    (0xFB00, 0xFDFF),  # ligatures, presentation forms
    (0xFE00, 0x10000),
    (0x1F300, 0x1F700),  # emoji
    (0x20000, 0x20100),  # CJK, extension B
    (0x0, 0x110000),
)
ODD = (
    *(
        "  ",
        " ",
        "\t",
        "\n",
        "\r\n",
        "\n\n",
        "\u00a0",
        "\u2003",
        "\u3000",
        "\u2581",
        "\u2581\u2581",
        "\u200b",
        "\ufeff",
    ),
    *("<s>", "</s>", "<unk>", "<pad>", "<0x0A>", "[CLS]", "[UNK]", "##ing", "<sym>", "\u2603\u2603"),
    *(
        "\U0001f469\u200d\U0001f469\u200d\U0001f467",
        "\U0001f1ee\U0001f1f8",
        "\U0001f44d\U0001f3fd",
        "e\u0301\u0323",
        "\ufb01n",
    ),
    *(
        "don't",
        "we'll've",
        "3.14",
        "1,000,000",
        "C++",
        "\u05e9\u05dc\u05d5\u05dd",
        "\u0645\u0631\u062d\u0628\u0627",
        "\ufdfa",
        "\u2460",
    ),
)


def fuzzed(count: int, *, seed: int) -> Iterator[str]:
    """So many texts, from empty to a few hundred characters; one in fifty has a very long word."""
    draw = random.Random(seed)
    for _ in range(count):
        parts = [_part(draw) for _ in range(draw.choice((0, 1, 2, 5, 12, 40)))]
        if draw.random() < 0.02:
            parts.append(draw.choice((*WORDS, "a", "ha", "\u4e2d", "0", "-")) * draw.randint(50, 400))
        yield draw.choice(("", " ")).join(parts)


def _part(draw: random.Random) -> str:
    chosen = draw.random()
    if chosen < 0.45:
        return draw.choice(WORDS)
    if chosen < 0.6:
        return draw.choice(ODD)
    if chosen < 0.65:
        return draw.choice("ab 0-") * draw.randint(1, 40)
    start, end = draw.choice(BLOCKS)
    codes = (draw.randrange(start, end) for _ in range(draw.randint(1, 6)))
    return "".join(chr(code) for code in codes if not 0xD800 <= code < 0xE000)
