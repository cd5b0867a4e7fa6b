"""Write tests/golden/poolings.npz: what sentence-transformers' Pooling gives for the states of seeded_poolings.py.

Run it with a Python that has sentence-transformers:

    python tests/golden/make_poolings.py
"""

import sys
from pathlib import Path

import numpy as np
import torch
from sentence_transformers.sentence_transformer.modules import Pooling

sys.path.insert(0, str(Path(__file__).parent.parent / "modelling"))

from seeded_poolings import CHAINS, GOLDEN, PROMPT, WIDTH, states_and_mask


def vectors(chain: str, side: str, *, prompt: bool) -> np.ndarray:
    """(B, modes · D); ``prompt`` says whether its tokens count."""
    module = Pooling(WIDTH, pooling_mode=tuple(chain.split("+")), include_prompt=prompt)
    states, mask = (torch.tensor(value) for value in states_and_mask(side))
    given = {"token_embeddings": states, "attention_mask": mask, "prompt_length": PROMPT}
    return module(given)["sentence_embedding"].numpy()


def main() -> None:
    found = {
        f"{chain}.{side}.{'prompt' if prompt else 'text'}": vectors(chain, side, prompt=prompt)
        for chain in CHAINS
        for side in ("right", "left")
        for prompt in (True, False)
    }
    np.savez_compressed(GOLDEN, **found)


if __name__ == "__main__":
    main()
