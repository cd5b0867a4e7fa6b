"""How a large store finds candidates before the vectors themselves decide."""

from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from likewise.errors import SettingError, UnknownNameError

CodePrecision: TypeAlias = Literal["float32", "float16", "int8", "binary", "product"]
CODE_PRECISIONS: tuple[CodePrecision, ...] = get_args(CodePrecision)
GRAPHED: tuple[CodePrecision, ...] = ("float32", "float16", "int8")  # the others are scanned


@dataclass(frozen=True, slots=True, kw_only=True)
class Shortlist:
    """What proposes candidates; they are scored again by the full vectors, which stay on the disk.

    Args:
        precision: Of the codes that are compared. Over float32, float16 and int8 a graph leads to the nearest, which is
            fast; binary and product codes are all looked at, and take a 32nd of the memory of the vectors.
        dimension: How many of the first dimensions are compared, of a model that was trained for it (Matryoshka);
            None is all of them. Of another model they say less, which the measured recall shows: lists get longer, or
            all rows are looked at.

    Raises:
        SettingError: No such precision, or a dimension that is no whole number of at least 1.
    """

    precision: CodePrecision = "int8"
    dimension: int | None = None

    def __post_init__(self) -> None:
        if self.precision not in CODE_PRECISIONS:
            raise SettingError(str(UnknownNameError("shortlist precision", str(self.precision), CODE_PRECISIONS)))
        if self.dimension is not None and (not isinstance(self.dimension, int) or self.dimension < 1):
            raise SettingError(f"a shortlist's dimension is how many are compared, at least 1, got {self.dimension!r}")
