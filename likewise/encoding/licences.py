"""The licence of a model: what its authors declare, and whether it may be used without asking."""

from collections.abc import Sequence
from itertools import takewhile
from pathlib import Path

from likewise.encoding.records import accept, is_accepted
from likewise.errors import ModelError

PERMISSIVE = {
    *("afl-3.0", "apache-2.0", "bsd", "bsd-2-clause", "bsd-3-clause", "bsd-3-clause-clear", "bsl-1.0", "cc0-1.0"),
    *("cc-by-2.0", "cc-by-2.5", "cc-by-3.0", "cc-by-4.0", "cdla-permissive-1.0", "cdla-permissive-2.0", "ecl-2.0"),
    *("isc", "mit", "ms-pl", "ncsa", "odc-by", "pddl", "postgresql", "unlicense", "wtfpl", "zlib"),
}
_MAX_CARD_BYTES = 1 << 20


def declared_licence(folder: Path) -> str | None:
    """What the front matter of a model's README.md says, in lower case; several are joined by " and "; None if nothing.

    "other" is followed by the name that goes with it.
    """
    return name_licence(card_values(folder, "license"), card_values(folder, "license_name"))


def card_values(folder: Path, key: str) -> list[str]:
    """The text, or the list of texts, that a key of the front matter of a model's README.md has; none without it."""
    card = folder / "README.md"
    if not card.is_file():
        return []
    with card.open("rb") as file:
        lines = file.read(_MAX_CARD_BYTES).decode("utf-8-sig", errors="replace").splitlines()
    if not lines or lines[0].rstrip() != "---":
        return []
    return _values(list(takewhile(lambda line: line.rstrip() != "---", lines[1:])), key)


def name_licence(licences: Sequence[str], names: Sequence[str] = ()) -> str | None:
    """One text of what a model card says under ``license`` and ``license_name``; None if it says nothing."""
    found = " and ".join(licence.strip().lower() for licence in licences if licence.strip())
    return f"other ({names[0]})" if found == "other" and names else found or None


def is_permissive(licence: str | None) -> bool:
    """Whether it allows any use, also a commercial one, with no more than naming the authors."""
    return licence is not None and all(one in PERMISSIVE for one in licence.split(" and "))


def check_licence(model: str, licence: str | None, *, revision: str, accepted: bool, records: Path) -> None:
    """Pass a permissive licence, or one that is or was accepted; what is accepted now is written down.

    Args:
        model: Its published name.
        licence: As ``declared_licence`` gives it.
        revision: The commit for which it is asked.
        accepted: The caller accepts it.
        records: The file of what was accepted before.

    Raises:
        ModelError: Nobody accepted it yet.
    """
    if is_permissive(licence):
        return
    if accepted:
        accept(records, model=model, licence=licence or "none", revision=revision)
    elif not is_accepted(records, model=model, licence=licence or "none"):
        what = f"is under {licence!r}, which may restrict what you do with it" if licence else "declares no licence"
        raise ModelError(
            f"{model} {what}: read its model card, and if you accept the terms say so once, with "
            "accept_licence=True or --accept-licence"
        )


def _values(front: Sequence[str], key: str) -> list[str]:
    """What a key of the front matter has; of YAML, what model cards use."""
    for number, line in enumerate(front):
        if line.startswith(f"{key}:"):
            inline = line.partition(":")[2].partition(" #")[0].strip()
            below = takewhile(lambda one: one.lstrip().startswith("- "), front[number + 1 :])
            values = inline.strip("[]").split(",") if inline else [one.lstrip()[2:] for one in below]
            return [value.strip(" \t\"'") for value in values]
    return []
