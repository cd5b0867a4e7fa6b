"""Whether a text has one vector, whatever stands beside it."""

from random import Random

import numpy as np

from likewise.encoding.quantisation import calibration_texts
from likewise.evaluating.forms import cosines
from likewise.evaluating.robustness.findings import Bench, Measured, add_probe
from likewise.evaluating.robustness.sentences import statements
from likewise.types import Vectors

_TEXTS = 60
_SIZES = (2, 7, 60)
_LONG_LINES = 20  # several times what many models take
_SAME = 1 - 1e-5  # a cosine, of vectors that are 0.0045 of their length apart: nearer than texts worth telling apart


@add_probe("batch_invariance")
def batch_invariance(bench: Bench) -> Measured:
    """Whether a text's vector is the same alone and in batches of many sizes with a much longer text among them."""
    chance = Random(bench.seed)
    own = [one.says for one in statements(each=1, seed=bench.seed)]
    texts = chance.sample(own, _TEXTS // 2) + chance.sample(calibration_texts(), _TEXTS // 2)
    long = " ".join(calibration_texts()[:_LONG_LINES])

    def encode(batch: list[str]) -> Vectors:
        return bench.encoder.encode(batch, role="document", overflow="truncate")

    alone = np.concatenate([encode([text]) for text in texts])
    least, greatest = np.ones(len(texts)), np.zeros(len(texts))
    for size in _SIZES:
        order = chance.sample(range(len(texts)), len(texts))
        for rows in (order[start : start + size] for start in range(0, len(order), size)):
            found = encode([long, *(texts[row] for row in rows)])[1:]
            least[rows] = np.minimum(least[rows], cosines(found, alone[rows]))
            greatest[rows] = np.maximum(greatest[rows], np.abs(found - alone[rows]).max(axis=1))
    return Measured(
        measure=f"texts whose vector stays within a cosine of {_SAME}",
        perfect=1.0,
        indifferent=0.0,
        values=least >= _SAME,
        groups=range(len(texts)),
        facts={"least cosine": float(least.min()), "greatest difference of a component": float(greatest.max())},
        reading="Anything below 1 means that padding or neighbours leak into vectors: what a text is found by then "
        "depends on what it was encoded with.",
    )
