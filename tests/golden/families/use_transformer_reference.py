"""The transformer of the Universal Sentence Encoder by torch's own layers, one text after the other without padding."""

import math

import torch
from torch import nn


def network(config: dict) -> nn.ModuleDict:
    layers = [
        nn.TransformerEncoderLayer(
            config["hidden_size"],
            config["num_attention_heads"],
            config["intermediate_size"],
            dropout=0.0,
            activation=config.get("hidden_act", "relu"),
            layer_norm_eps=config.get("layer_norm_eps", 1e-5),
            batch_first=True,
        )
        for _ in range(config["num_hidden_layers"])
    ]
    words = nn.Embedding(config["vocab_size"], config["hidden_size"])
    return nn.ModuleDict({"word_embeddings": words, "layers": nn.ModuleList(layers)}).eval()


def shapes(config: dict) -> dict:
    return {name: list(value.shape) for name, value in network(config).state_dict().items()}


def sinusoid(tokens: int, width: int) -> torch.Tensor:
    """Even features are sines, odd ones cosines, of wavelengths from 2π to 10000·2π."""
    rows = []
    for place in range(tokens):
        row = []
        for pair in range(width // 2):
            angle = place / 10000 ** (2 * pair / width)
            row += [math.sin(angle), math.cos(angle)]
        rows.append(row)
    return torch.tensor(rows)


def states(config: dict, tensors: dict, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    made, width = network(config), config["hidden_size"]
    made.load_state_dict(tensors)
    found = torch.zeros(*ids.shape, width)
    for row, there in enumerate(mask > 0):
        words = made["word_embeddings"](ids[row, there]) * math.sqrt(width)
        x = (words + sinusoid(len(words), width))[None]
        for layer in made["layers"]:
            x = layer(x)
        found[row, there] = x[0]
    return found
