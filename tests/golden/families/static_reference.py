"""Rows of a table, as torch.nn.Embedding has them."""

import torch
from torch import nn


def shapes(config: dict) -> dict:
    return {"embedding.weight": [config["vocab_size"], config["hidden_size"]]}


def states(config: dict, tensors: dict, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    return nn.Embedding.from_pretrained(tensors["embedding.weight"])(ids)
