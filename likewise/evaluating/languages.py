"""Which languages a model declares, and in which scripts texts are written: all that can be said without guessing."""

import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from likewise.encoding.licences import card_values

_LEAST_SHARE = 0.01  # of all letters: less may be names and quotations
_ANY = ("multilingual", "mul")
# Which languages are written in a script, by ISO 639-1. Latin is left out: every vocabulary has its letters.
_LANGUAGES = {
    "ARABIC": "ar ckb fa ku ps sd ug ur",
    "ARMENIAN": "hy",
    "BENGALI": "as bn",
    "CJK": "ja zh",
    "CYRILLIC": "be bg kk ky mk mn ru sr tg tt uk uz",
    "DEVANAGARI": "hi mr ne sa",
    "ETHIOPIC": "am ti",
    "GEORGIAN": "ka",
    "GREEK": "el",
    "GUJARATI": "gu",
    "GURMUKHI": "pa",
    "HANGUL": "ko",
    "HEBREW": "he iw yi",
    "HIRAGANA": "ja",
    "KANNADA": "kn",
    "KATAKANA": "ja",
    "KHMER": "km",
    "LAO": "lo",
    "MALAYALAM": "ml",
    "MYANMAR": "my",
    "ORIYA": "or",
    "SINHALA": "si",
    "TAMIL": "ta",
    "TELUGU": "te",
    "THAI": "th",
    "TIBETAN": "bo",
}


def declared_languages(folder: Path) -> list[str]:
    """What the front matter of a model's README.md says under ``language``; none if it says nothing."""
    return [value.lower() for value in card_values(folder, "language") if value]


def scripts_of(texts: Iterable[str]) -> dict[str, float]:
    """The share of all letters that each script has, the greatest first.

    A script is the first word of its letters' Unicode names.

    Example:
        >>> scripts_of(["Привет, world", "αβ"])
        {'CYRILLIC': 0.46153846153846156, 'LATIN': 0.38461538461538464, 'GREEK': 0.15384615384615385}
    """
    letters: Counter[str] = Counter()
    for text in texts:
        letters.update(text)
    counted: Counter[str] = Counter()
    for letter, count in letters.items():
        if letter.isalpha():
            plain = unicodedata.normalize("NFKC", letter)[0]  # as wide and mathematical letters are meant
            counted[unicodedata.name(plain, "UNNAMED").split()[0].split("-")[0]] += count
    return {script: count / counted.total() for script, count in counted.most_common()}


def undeclared_scripts(scripts: Mapping[str, float], languages: Sequence[str]) -> list[str]:
    """Scripts with at least 1 % of the letters in which none of a model's declared languages is written.

    None, if it declares no language or all of them: then nothing is known. A script that this table lacks counts as
    undeclared.
    """
    if not languages or any(language in _ANY for language in languages):
        return []
    codes = {language.split("-")[0] for language in languages}
    return [
        script
        for script, share in scripts.items()
        if script != "LATIN" and share >= _LEAST_SHARE and not codes & set(_LANGUAGES.get(script, "").split())
    ]
