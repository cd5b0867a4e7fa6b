"""What Jina's second networks give, over plain torch; transformers has no class for them.

Written from the paper and the published tensors: one text after the other, without its padding, the distances as a
matrix that is written out, each head by itself.
"""

import math

import torch
from torch.nn import functional


def shapes(config: dict) -> dict:
    width, inner, code = config["hidden_size"], config["intermediate_size"], is_for_code(config)
    found = {"embeddings.word_embeddings.weight": [config["vocab_size"], width]}
    found |= {"embeddings.token_type_embeddings.weight": [config["type_vocab_size"], width]}
    found |= {f"embeddings.LayerNorm.{kind}": [width] for kind in ("weight", "bias")}
    linear = {f"attention.self.{name}": (width, width) for name in ("query", "key", "value")}
    linear["attention.output.dense"] = (width, width)
    norms = ["attention.output.LayerNorm"]
    bare = {}
    if code:
        norms += ["attention.self.layer_norm_q", "attention.self.layer_norm_k", "layer_norm_1", "layer_norm_2"]
        linear["mlp.down_layer"] = (width, inner)
        bare["mlp.up_gated_layer"] = (2 * inner, width)
    elif config["feed_forward_type"] != "original":
        norms.append("mlp.layernorm")
        linear["mlp.wo"] = (width, inner)
        bare["mlp.gated_layers"] = (2 * inner, width)
    else:
        norms.append("output.LayerNorm")
        linear |= {"intermediate.dense": (inner, width), "output.dense": (width, inner)}
    for i in range(config["num_hidden_layers"]):
        name = f"encoder.layer.{i}"
        found |= {f"{name}.{norm}.{kind}": [width] for norm in norms for kind in ("weight", "bias")}
        found |= {f"{name}.{module}.weight": list(shape) for module, shape in (linear | bare).items()}
        found |= {f"{name}.{module}.bias": [shape[0]] for module, shape in linear.items()}
    return found


def is_for_code(config: dict) -> bool:
    return "qk-post-norm" in config.get("_name_or_path", "")


def states(
    config: dict, tensors: dict, ids: torch.Tensor, mask: torch.Tensor, segments: torch.Tensor | None = None
) -> torch.Tensor:
    found = torch.zeros(*ids.shape, config["hidden_size"])
    for i, there in enumerate(mask.bool()):
        of_row = torch.zeros_like(ids[i]) if segments is None else segments[i]
        found[i, there] = one_text(config, tensors, ids[i, there], of_row[there])
    return found


def one_text(config: dict, tensors: dict, ids: torch.Tensor, segments: torch.Tensor) -> torch.Tensor:
    def norm(name, x):
        weight, bias = tensors[f"{name}.weight"], tensors[f"{name}.bias"]
        return functional.layer_norm(x, x.shape[-1:], weight, bias, config["layer_norm_eps"])

    def linear(name, x):
        return functional.linear(x, tensors[f"{name}.weight"], tensors.get(f"{name}.bias"))

    x = tensors["embeddings.word_embeddings.weight"][ids] + tensors["embeddings.token_type_embeddings.weight"][segments]
    x = norm("embeddings.LayerNorm", x)
    for i in range(config["num_hidden_layers"]):
        name, code = f"encoder.layer.{i}", is_for_code(config)
        q, k, v = (linear(f"{name}.attention.self.{part}", x) for part in ("query", "key", "value"))
        if code:
            q, k = norm(f"{name}.attention.self.layer_norm_q", q), norm(f"{name}.attention.self.layer_norm_k", k)
        mixed = linear(f"{name}.attention.output.dense", attention(config["num_attention_heads"], q, k, v))
        summed = norm(f"{name}.attention.output.LayerNorm", x + mixed)
        if code:
            summed = norm(f"{name}.layer_norm_1", x + summed)
            up, gate = linear(f"{name}.mlp.up_gated_layer", summed).chunk(2, -1)
            x = norm(f"{name}.layer_norm_2", summed + linear(f"{name}.mlp.down_layer", up * opened(config, gate)))
        elif config["feed_forward_type"] != "original":
            gate, up = linear(f"{name}.mlp.gated_layers", summed).chunk(2, -1)
            x = norm(f"{name}.mlp.layernorm", summed + linear(f"{name}.mlp.wo", up * opened(config, gate)))
        else:
            inner = functional.gelu(linear(f"{name}.intermediate.dense", summed))
            x = norm(f"{name}.output.LayerNorm", summed + linear(f"{name}.output.dense", inner))
    return x


def opened(config: dict, gate: torch.Tensor) -> torch.Tensor:
    return {"geglu": functional.gelu, "reglu": functional.relu}[config["feed_forward_type"]](gate)


def attention(heads: int, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
    far = torch.tensor([[abs(i - j) for j in range(len(q))] for i in range(len(q))], dtype=torch.float32)
    mixed = []
    for slope, q1, k1, v1 in zip(
        slopes(heads), q.chunk(heads, -1), k.chunk(heads, -1), v.chunk(heads, -1), strict=True
    ):
        mixed.append(torch.softmax(q1 @ k1.T / math.sqrt(q1.shape[-1]) - slope * far, -1) @ v1)
    return torch.cat(mixed, -1)


def slopes(heads: int) -> list[float]:
    """A geometric series from its own ratio on; for a number that is no power of two, every second of a longer one."""
    if heads & (heads - 1) == 0:
        ratio = 2 ** (-8 / heads)
        return [ratio**i for i in range(1, heads + 1)]
    below = 1 << (heads.bit_length() - 1)
    return slopes(below) + slopes(2 * below)[::2][: heads - below]
