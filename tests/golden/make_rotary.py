"""Write tests/golden/rotary.npz: transformers' cosines and sines far from the start, for each kind of scaling.

Run it with a Python that has torch and transformers:

    python tests/golden/make_rotary.py
"""

import json
from pathlib import Path

import numpy as np
import torch
from transformers import LlamaConfig
from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding

HERE = Path(__file__).parent


def main() -> None:
    found = {}
    for name, case in json.loads((HERE / "rotary.json").read_text()).items():
        heads = {"hidden_size": case["width"], "num_attention_heads": 1, "num_hidden_layers": 1}
        config = LlamaConfig(**heads, max_position_embeddings=32768, rope_parameters=dict(case["rope"]))
        places = torch.tensor([case["places"]])
        cosines, sines = LlamaRotaryEmbedding(config)(torch.zeros(1), places)  # (1, P, width)
        found |= {f"{name}.cosines": cosines[0].numpy(), f"{name}.sines": sines[0].numpy()}
    np.savez_compressed(HERE / "rotary.npz", **found)


if __name__ == "__main__":
    main()
