"""What Jina's third networks give: by transformers' class, with the task's products added to the weights beforehand.

transformers writes and reads the published names, hence the folder. It knows no adapters; they are added here as Hu et
al. 2021 (arXiv:2106.09685) have it: W + B·A·alpha/rank, and for tables of embeddings, whose rows are inputs, W + A·B.
"""

import tempfile
from pathlib import Path

import torch
import transformers
from safetensors.torch import load_file, save_file

PART = ".parametrizations.weight"


def shapes(config: dict) -> dict:
    with tempfile.TemporaryDirectory() as folder:
        transformers.AutoModel.from_config(new_config(config), add_pooling_layer=False).save_pretrained(folder)
        plain = {name: list(value.shape) for name, value in load_file(Path(folder) / "model.safetensors").items()}
    tasks, rank = len(config.get("lora_adaptations", [])), config.get("lora_rank")
    if not tasks:
        return plain
    found = {}
    for name, shape in plain.items():
        if len(shape) < 2:
            found[f"roberta.{name}"] = shape
            continue
        out, into = shape
        module = f"roberta.{name.removesuffix('.weight')}{PART}"
        found[f"{module}.original"] = shape
        is_table = "embeddings" in name
        found[f"{module}.0.lora_A"] = [tasks, out, rank] if is_table else [tasks, rank, into]
        found[f"{module}.0.lora_B"] = [tasks, rank, into] if is_table else [tasks, out, rank]
    return found


def states(config: dict, tensors: dict, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    with tempfile.TemporaryDirectory() as folder:
        new_config(config).save_pretrained(folder)
        save_file(merged(config, tensors), Path(folder) / "model.safetensors", metadata={"format": "pt"})
        model = transformers.AutoModel.from_pretrained(
            folder, attn_implementation="eager", add_pooling_layer=False
        ).eval()
        return model(input_ids=ids, attention_mask=mask).last_hidden_state


def merged(config: dict, tensors: dict) -> dict:
    task = config.get("default_task")
    found = {}
    for name, value in tensors.items():
        plain = name.removeprefix("roberta.")
        if name.endswith(f"{PART}.original"):
            module = name.removesuffix(".original")
            if task:
                a, b = (tensors[f"{module}.0.lora_{x}"][config["lora_adaptations"].index(task)] for x in "AB")
                product = a @ b if "embeddings" in name else b @ a
                value = value + product * (config["lora_alpha"] / config["lora_rank"])
            found[plain.removesuffix(f"{PART}.original") + ".weight"] = value
        elif ".lora_" not in name:
            found[plain] = value
    return found


def new_config(config: dict) -> transformers.PretrainedConfig:
    rope = config.get("rope_parameters") or {"rope_type": "default", "rope_theta": config["rotary_emb_base"]}
    names = ["hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size", "hidden_act"]
    names += ["max_position_embeddings", "layer_norm_eps", "type_vocab_size", "vocab_size", "pad_token_id"]
    return transformers.JinaEmbeddingsV3Config(**{name: config[name] for name in names}, rope_parameters=rope)
