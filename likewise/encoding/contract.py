"""What must agree for two vectors to be comparable."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

from likewise.encoding.packing import Packing, Precision, Ranges
from likewise.errors import ContractError
from likewise.settings import from_dict, to_dict
from likewise.types import Role, Vectors

# Of one length, for one small batch, and unlike enough to notice a swapped part.
CANARIES = (
    "The quick brown fox jumps over the lazy dog.",
    "How do I reset the password of my account?",
    "SELECT name FROM users WHERE id = 7",
)
LEAST_COSINE = {
    "float32": 0.9999,
    "float16": 0.999,
    "bfloat16": 0.999,
    "int8": 0.99,
    "int4": 0.99,
}  # another processor rounds otherwise; another model is far below
_DIGEST = 64  # letters of a sha256


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """Everything that made a vector what it is. Equal contracts give comparable vectors."""

    architecture: str
    weights: str  # sha256 of the weights file
    tokenizer: str  # sha256 of the tokenizer file
    pooling: str
    normalise: bool
    max_tokens: int  # with the special tokens
    dimension: int
    precision: str  # of the network: float32, int8, int4, float16, bfloat16
    prompts: Mapping[str, str] = field(default_factory=dict)  # role -> text put in front
    truncated_from: int | None = None  # the network's own dimension, where vectors are cut to their beginning
    output: Precision = "float32"  # of stored vectors
    ranges: Mapping[str, list[float]] | None = None  # for int8 and uint8: low and high of each dimension
    similarity: str = "cosine"
    modality: str = "text"

    def packing(self) -> Packing:
        """How vectors are stored."""
        ranges = None if self.ranges is None else Ranges.from_lists(self.ranges)
        return Packing(precision=self.output, dimension=self.dimension, ranges=ranges)

    def prompt(self, role: Role) -> str:
        return self.prompts.get(role, "")

    def differences(self, other: "Contract") -> list[str]:
        """A line for each field that differs, ours first."""
        pairs = ((f.name, getattr(self, f.name), getattr(other, f.name)) for f in fields(self))
        return [
            f"{name}: {_short(ours)} here, {_short(theirs)} there" for name, ours, theirs in pairs if ours != theirs
        ]

    def require(self, other: "Contract", *, where: str) -> None:
        """Refuse to go on if ``other`` makes vectors of another space.

        Raises:
            ContractError: A field differs; all that do are named.
        """
        if differing := self.differences(other):
            raise ContractError(
                f"{where} holds vectors of another encoder ({'; '.join(differing)}). "
                "Open it with the encoder that made it, or index the documents anew."
            )

    def to_json(self) -> str:
        return json.dumps(to_dict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "Contract":
        values: dict[str, Any] = json.loads(text)
        return from_dict(cls, values)


def require_canaries(now: Vectors, stored: Vectors, *, precision: str, where: str) -> None:
    """Refuse to go on if fixed texts no longer get the vectors that they had.

    Args:
        now: (N, D) float32, unit length.
        stored: (N, D), as they were when the index was made.
        precision: The contract's.
        where: What to name in the error.

    Raises:
        ContractError: A cosine fell below what another processor may explain.
    """
    cosines = np.zeros(1)
    if now.shape == stored.shape:
        same = (now == stored).all(axis=1)  # also vectors of zeros, of texts in which a model knows no word
        cosines = np.where(same, 1, (now * stored).sum(axis=1))
    least = LEAST_COSINE[precision]
    if not (cosines >= least).all():
        raise ContractError(
            f"{where}: the encoder has the same contract but no longer gives the same vectors "
            f"(canary cosine {cosines.min():.4f}, expected at least {least}). "
            "Its library or its compiled form changed: run 'likewise doctor', or index the documents anew."
        )


def _short(value: object) -> str:
    """Of a digest its beginning will do; what is said in words is said in full."""
    text = str(value)
    return text if len(text) < _DIGEST else text[:12] + "…"
