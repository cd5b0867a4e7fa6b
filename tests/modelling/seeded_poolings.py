"""States and masks for poolings, the same wherever they are made; see ``tests/golden/make_poolings.py``."""

from pathlib import Path

import numpy as np

GOLDEN = Path(__file__).parent.parent / "golden" / "poolings.npz"
TOKENS, WIDTH, LENGTHS = 9, 5, (9, 6, 3, 4)
PROMPT = 2  # tokens that pooling leaves out where it is asked to
CHAINS = (
    "cls",
    "max",
    "mean",
    "mean_sqrt_len_tokens",
    "weightedmean",
    "lasttoken",
    "cls+max+mean+mean_sqrt_len_tokens+weightedmean+lasttoken",
    "lasttoken+cls",
)


def states_and_mask(side: str) -> tuple[np.ndarray, np.ndarray]:
    """(B, T, D) and (B, T), texts padded on the "right" or "left"; padding has states that must not be seen."""
    random = np.random.default_rng(17)
    states = np.full((len(LENGTHS), TOKENS, WIDTH), 1e4, np.float32)
    mask = np.zeros((len(LENGTHS), TOKENS), np.int64)
    for i, length in enumerate(LENGTHS):
        where = slice(0, length) if side == "right" else slice(TOKENS - length, TOKENS)
        states[i, where], mask[i, where] = random.normal(size=(length, WIDTH)) - 2 * (i == 1), 1
    return states, mask


def without_prompt(mask: np.ndarray) -> np.ndarray:
    """The mask (B, T) of the real tokens behind the first ``PROMPT`` ones."""
    return mask * (mask.cumsum(axis=1) > PROMPT)
