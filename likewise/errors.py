"""Every error a caller may want to catch.

LikewiseError
├── UnknownNameError    a name that no registry knows                     (also LookupError)
├── UnknownWordError    a word that has no vector                         (also LookupError)
├── SettingError        a setting, filter or argument that is wrong       (also ValueError)
├── ShapeError          an array of the wrong shape or dtype              (also ValueError)
├── DataError           rows of a data set that can't be scored           (also ValueError)
├── TooLongError        a text over the model's maximum length            (also ValueError)
├── ReadingError        a file that can't be turned into a document       (also OSError)
├── ArtifactError       a saved model or index that is damaged or foreign
│   └── ContractError   an index whose vectors another encoder made
├── ModelError          a model that is not found or does not declare itself
├── LockedError         an index that another process is writing to       (also OSError)
├── StorageError        a disk that is full, read-only or out of reach    (also OSError)
└── MissingExtraError   an optional dependency is absent                  (also ImportError)

A message says what went wrong, what was got, what was expected, and what to do.
"""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

_SHOWN, _NEAREST = 40, 8  # names in one message, and the nearest of more


class LikewiseError(Exception):
    """Base of all errors raised on purpose. The user can mend every one of them: the command exits with 2."""


class UnknownNameError(LikewiseError, LookupError):
    """Says what was asked for, what there is, and the nearest spelling."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        known = sorted(known)
        near = get_close_matches(name, known, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        shown = known if len(known) <= _SHOWN else get_close_matches(name, known, n=_NEAREST, cutoff=0.0)
        more = f" and {len(known) - len(shown)} more" if len(shown) < len(known) else ""
        super().__init__(f"no {kind} named {name!r}.{hint} Known: {', '.join(shown) or 'none'}{more}.")


class UnknownWordError(LikewiseError, LookupError):
    """Says which word has no vector, and which ones that are spelt alike have."""

    def __init__(self, word: str, near: Sequence[str], *, known: int) -> None:
        hint = f" Did you mean {' or '.join(map(repr, near))}?" if near else " No known word is spelt alike."
        super().__init__(f"{word!r} has no vector: it is none of the {known} words.{hint}")


class SettingError(LikewiseError, ValueError):
    """A setting, filter or argument that is wrong, unknown, or at odds with another."""


class ShapeError(LikewiseError, ValueError):
    """An array whose shape or dtype is not the documented one."""


class DataError(LikewiseError, ValueError):
    """Rows, labels or judgements of a data set that can't be scored; the message names file and line where it can."""


class TooLongError(LikewiseError, ValueError):
    """A text has more tokens than the model takes, and the caller did not allow for it."""


class ReadingError(LikewiseError, OSError):
    """A file can't be turned into a document; the message is the reason alone, fit for a summary line."""


class ArtifactError(LikewiseError):
    """A saved model or index can't be read; the message names the file."""


class ContractError(ArtifactError):
    """The index was made by an encoder whose contract differs; the message names the differing fields."""


class ModelError(LikewiseError):
    """A model is not there, or does not say what is needed to use it rightly."""


class LockedError(LikewiseError, OSError):
    """Another process is writing to this index."""


class StorageError(LikewiseError, OSError):
    """The disk refused: full, read-only, or out of reach. What was acknowledged before is safe."""


class MissingExtraError(LikewiseError, ImportError):
    """An optional dependency is needed and absent."""

    def __init__(self, feature: str, extra: str) -> None:
        super().__init__(f"{feature} needs the '{extra}' extra: pip install 'likewise[{extra}]'")
