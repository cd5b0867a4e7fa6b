"""Sentences of our own to probe with, made from templates and words in ``sentences.toml``."""

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

_SLOT = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """Something said, said in other words, and denied with hardly another word."""

    template: int
    kind: str
    says: str
    also: str
    denies: str
    also_denies: str  # in other words than ``denies``; "" for kinds other than "not"


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """Who did what to whom: actively, in the passive, and each with the two people swapped."""

    verb: int
    active: str
    passive: str
    swapped_active: str
    swapped_passive: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Mixture:
    """An English sentence, with a noun in another language, and with another noun."""

    noun: int
    language: str
    english: str
    mixed: str
    other: str


def statements(*, each: int = 4, seed: int = 0) -> list[Statement]:
    """Statements, ``each`` of a template with other words in its slots."""
    found = _file()
    made: list[Statement] = []
    for number, template in enumerate(found["statements"]):
        texts = [template[name] for name in ("says", "also", "denies")] + [template.get("also_denies", "")]
        slots = list(dict.fromkeys(slot.lower() for text in texts for slot in _SLOT.findall(text)))
        chance = Random(f"{seed} {number}")
        own: dict[str, Statement] = {}
        while len(own) < each:
            words = _draw(slots, found["fill"], chance)
            says, also, denies, also_denies = (_filled(text, words) for text in texts)
            drawn = Statement(
                template=number,
                kind=template["kind"],
                says=says,
                also=also,
                denies=denies,
                also_denies=also_denies,
            )
            own.setdefault(says, drawn)
        made += own.values()
    return made


def deeds(*, each: int = 8, seed: int = 0) -> list[Deed]:
    """Sentences on who did what to whom, ``each`` of a verb with two people drawn anew."""
    found = _file()["roles"]
    made = []
    for number, forms in enumerate(found["verbs"]):
        past, participle = forms.split()
        chance = Random(f"{seed} {number}")
        pairs: dict[tuple[str, str], None] = {}
        while len(pairs) < each:
            first, second = chance.sample(found["people"], 2)
            pairs[first, second] = None
        for first, second in pairs:
            made.append(
                Deed(
                    verb=number,
                    active=f"The {first} {past} the {second}.",
                    passive=f"The {second} was {participle} by the {first}.",
                    swapped_active=f"The {second} {past} the {first}.",
                    swapped_passive=f"The {first} was {participle} by the {second}.",
                )
            )
    return made


def mixtures(*, seed: int = 0) -> list[Mixture]:
    """English sentences with a noun in German, Spanish or French."""
    found = _file()["mixed"]
    made = []
    for number, noun in enumerate(found["nouns"]):
        chance = Random(f"{seed} {number}")
        others = [one["en"] for one in found["nouns"] if one is not noun]
        for frame in found["frames"]:
            english, other = (frame.format(noun=word) for word in (noun["en"], chance.choice(others)))
            for language in ("de", "es", "fr"):
                mixed = frame.format(noun=noun[language])
                made.append(Mixture(noun=number, language=language, english=english, mixed=mixed, other=other))
    return made


@cache
def _file() -> Mapping[str, Any]:
    return tomllib.loads((Path(__file__).parent / "sentences.toml").read_text(encoding="utf-8"))


def _draw(slots: Sequence[str], fill: Mapping[str, Sequence[str]], chance: Random) -> dict[str, str]:
    """A word for each slot, and different ones for slots that a digit alone tells apart."""
    words: dict[str, str] = {}
    for slot in slots:
        words[slot] = chance.choice([word for word in fill[slot.rstrip("2")] if word not in words.values()])
    return words


def _filled(text: str, words: Mapping[str, str]) -> str:
    def word(slot: re.Match[str]) -> str:
        found = words[slot[1].lower()]
        return found[:1].upper() + found[1:] if slot[1][0].isupper() else found

    return _SLOT.sub(word, text)
