"""What GTE's networks give, by transformers' class, which writes and reads the published names: hence the folder.

It does not know the scaling "ntk" by that name. It is a greater theta, with all turns slowed down a little: theta times
f and "linear" by f^(2/d).
"""

import tempfile
from pathlib import Path

import torch
import transformers
from safetensors.torch import load_file, save_file


def shapes(config: dict) -> dict:
    with tempfile.TemporaryDirectory() as folder:
        transformers.AutoModel.from_config(new_config(config)).save_pretrained(folder)
        return {name: list(value.shape) for name, value in load_file(Path(folder) / "model.safetensors").items()}


def states(config: dict, tensors: dict, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    with tempfile.TemporaryDirectory() as folder:
        new_config(config).save_pretrained(folder)
        save_file(tensors, Path(folder) / "model.safetensors", metadata={"format": "pt"})
        model = transformers.AutoModel.from_pretrained(folder, attn_implementation="eager").eval()
        return model(input_ids=ids, attention_mask=mask).last_hidden_state


def new_config(config: dict) -> transformers.PretrainedConfig:
    theta, scaling = config.get("rope_theta", 160000.0), config.get("rope_scaling")
    rope = config.get("rope_parameters") or {"rope_type": "default", "rope_theta": theta}
    if scaling:
        width = config["hidden_size"] // config["num_attention_heads"]
        factor = scaling["factor"]
        rope = {"rope_type": "linear", "factor": factor ** (2 / width), "rope_theta": theta * factor}
    left_out = ("model_type", "rope_theta", "rope_scaling", "rope_parameters", "position_embedding_type")
    kept = {key: value for key, value in config.items() if key not in left_out}
    return transformers.GteConfig(**kept, rope_parameters=rope)
