"""What Nomic's networks give: by transformers' class where it can be, and with experts or biases by plain torch.

transformers writes and reads the published names, which its modules do not have: hence the folder. It has neither
experts nor biases; those are written here from the paper, one token and one expert after the other.
"""

import json
import tempfile
from pathlib import Path

import torch
import transformers
from safetensors.torch import load_file, save_file
from torch.nn import functional


def shapes(config: dict) -> dict:
    if by_transformers(config):
        with tempfile.TemporaryDirectory() as folder:
            transformers.AutoModel.from_config(new_config(config)).save_pretrained(folder)
            return {name: list(value.shape) for name, value in load_file(Path(folder) / "model.safetensors").items()}
    width, inner = config["n_embd"], config["n_inner"]
    found = {"embeddings.word_embeddings.weight": [config["vocab_size"], width]}
    found |= {"embeddings.token_type_embeddings.weight": [config["type_vocab_size"], width]}
    found |= {"emb_ln.weight": [width], "emb_ln.bias": [width]}
    for i in range(config["n_layer"]):
        linear = {"attn.Wqkv": (3 * width, width), "attn.out_proj": (width, width)}
        biased = {"attn.Wqkv", "attn.out_proj"} if config["qkv_proj_bias"] else set()
        if is_mixture(config, i):
            count = config["num_experts"]
            linear["mlp.router.layer"] = (count, width)
            found |= {f"encoder.layers.{i}.mlp.experts.mlp.w{n}": [count * inner, width] for n in (1, 2)}
            found[f"encoder.layers.{i}.mlp.experts.bias"] = [width]
        else:
            gated = config["activation_function"] != "gelu"
            up = ["mlp.fc11", "mlp.fc12"] if gated else ["mlp.fc1"]
            linear |= dict.fromkeys(up, (inner, width)) | {"mlp.fc2": (width, inner)}
            biased |= set(up) if config["mlp_fc1_bias"] else set()
            biased |= {"mlp.fc2"} if config["mlp_fc2_bias"] else set()
        for name, shape in linear.items():
            found[f"encoder.layers.{i}.{name}.weight"] = list(shape)
        found |= {f"encoder.layers.{i}.{name}.bias": [linear[name][0]] for name in sorted(biased)}
        for norm in ("norm1", "norm2"):
            found |= {f"encoder.layers.{i}.{norm}.{kind}": [width] for kind in ("weight", "bias")}
    return found


def states(config: dict, tensors: dict, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    if not by_transformers(config):
        return torch.stack([padded(config, tensors, row, there) for row, there in zip(ids, mask, strict=True)])
    with tempfile.TemporaryDirectory() as folder:
        new_config(config).save_pretrained(folder)
        save_file(tensors, Path(folder) / "model.safetensors", metadata={"format": "pt"})
        model = transformers.AutoModel.from_pretrained(folder, attn_implementation="eager").eval()
        return model(input_ids=ids, attention_mask=mask).last_hidden_state


def by_transformers(config: dict) -> bool:
    biased = any(config.get(key) for key in ("qkv_proj_bias", "mlp_fc1_bias", "mlp_fc2_bias", "num_experts"))
    return not biased and config.get("activation_function", "swiglu") == "swiglu"


def new_config(config: dict) -> transformers.PretrainedConfig:
    """The published keys in the words of transformers."""
    if "n_embd" not in config:
        return transformers.AutoConfig.for_model(**json.loads(json.dumps(config)))
    return transformers.NomicBertConfig(
        hidden_size=config["n_embd"],
        num_hidden_layers=config["n_layer"],
        num_attention_heads=config["n_head"],
        intermediate_size=config["n_inner"],
        max_position_embeddings=config["n_positions"],
        vocab_size=config["vocab_size"],
        type_vocab_size=config["type_vocab_size"],
        layer_norm_eps=config["layer_norm_epsilon"],
        pad_token_id=config.get("pad_token_id") or 0,
        rope_parameters={"rope_type": "default", "rope_theta": config["rotary_emb_base"]},
    )


def is_mixture(config: dict, layer: int) -> bool:
    return config.get("moe_every_n_layers", 0) > 0 and layer % config["moe_every_n_layers"] == 1


def padded(config: dict, tensors: dict, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """One text, computed without its padding."""
    real = mask.bool()
    found = torch.zeros(len(ids), config["n_embd"])
    found[real] = one_text(config, tensors, ids[real])
    return found


def one_text(config: dict, tensors: dict, ids: torch.Tensor) -> torch.Tensor:
    width, epsilon = config["n_embd"], config["layer_norm_epsilon"]

    def norm(x, name):
        return functional.layer_norm(x, (width,), tensors[f"{name}.weight"], tensors[f"{name}.bias"], epsilon)

    x = tensors["embeddings.word_embeddings.weight"][ids] + tensors["embeddings.token_type_embeddings.weight"][0]
    x = norm(x, "emb_ln")
    for i in range(config["n_layer"]):
        name = f"encoder.layers.{i}"
        x = norm(x + attention(config, tensors, name, x), f"{name}.norm1")
        mixed = mixture(config, tensors, name, x) if is_mixture(config, i) else dense(config, tensors, name, x)
        x = norm(x + mixed, f"{name}.norm2")
    return x


def linear(tensors: dict, name: str, x: torch.Tensor) -> torch.Tensor:
    return functional.linear(x, tensors[f"{name}.weight"], tensors.get(f"{name}.bias"))


def attention(config: dict, tensors: dict, name: str, x: torch.Tensor) -> torch.Tensor:
    heads, size = config["n_head"], config["n_embd"] // config["n_head"]
    q, k, v = linear(tensors, f"{name}.attn.Wqkv", x).view(len(x), 3, heads, size).unbind(1)
    q, k = turned(q, config["rotary_emb_base"]), turned(k, config["rotary_emb_base"])
    weights = torch.softmax(torch.einsum("qhd,khd->hqk", q, k) / size**0.5, -1)
    return linear(tensors, f"{name}.attn.out_proj", torch.einsum("hqk,khd->qhd", weights, v).flatten(1))


def turned(x: torch.Tensor, base: float) -> torch.Tensor:
    """Each pair, one of the first half with one of the second, as a complex number that is turned."""
    half = x.shape[-1] // 2
    speed = base ** -(torch.arange(half) / half)
    turn = torch.polar(torch.ones(1), torch.arange(len(x))[:, None] * speed)[:, None]  # (T, 1, half)
    turned = torch.complex(x[..., :half], x[..., half:]) * turn
    return torch.cat([turned.real, turned.imag], -1)


def dense(config: dict, tensors: dict, name: str, x: torch.Tensor) -> torch.Tensor:
    kind = config["activation_function"]
    if kind == "gelu":
        return linear(tensors, f"{name}.mlp.fc2", functional.gelu(linear(tensors, f"{name}.mlp.fc1", x)))
    opens = {"swiglu": functional.silu, "geglu": functional.gelu, "glu": torch.sigmoid}[kind]
    inner = linear(tensors, f"{name}.mlp.fc11", x) * opens(linear(tensors, f"{name}.mlp.fc12", x))
    return linear(tensors, f"{name}.mlp.fc2", inner)


def mixture(config: dict, tensors: dict, name: str, x: torch.Tensor) -> torch.Tensor:
    """Token after token: the best experts, weighted with their shares of all, and the bias once."""
    count, width = config["num_experts"], config["n_embd"]
    up = tensors[f"{name}.mlp.experts.mlp.w1"].view(count, -1, width)
    down = tensors[f"{name}.mlp.experts.mlp.w2"].view(count, -1, width)
    shares = torch.softmax(linear(tensors, f"{name}.mlp.router.layer", x), -1)
    found = tensors[f"{name}.mlp.experts.bias"].repeat(len(x), 1)
    for token, share in enumerate(shares):
        for expert in share.topk(config["moe_top_k"]).indices.tolist():
            found[token] += share[expert] * (functional.gelu(up[expert] @ x[token]) @ down[expert])
    return found
