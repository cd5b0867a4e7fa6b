"""TextCNN as one linear map for each window of words, which are collected one text after the other."""

import torch
from torch import nn
from torch.nn import functional


def shapes(config: dict) -> dict:
    width, count = config["hidden_size"], config["num_filters"]
    found = {"word_embeddings.weight": [config["vocab_size"], width]}
    for i, size in enumerate(config["kernel_sizes"]):
        found |= {f"convs.{i}.weight": [count, width, size], f"convs.{i}.bias": [count]}
    return found


def states(config: dict, tensors: dict, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    act = {"relu": nn.ReLU(), "tanh": nn.Tanh()}[config.get("hidden_act", "relu")]
    found = torch.zeros(*ids.shape, config["num_filters"] * len(config["kernel_sizes"]))
    for row, there in enumerate(mask > 0):
        words = tensors["word_embeddings.weight"][ids[row, there]]  # (T, I)
        parts = []
        for i, size in enumerate(config["kernel_sizes"]):
            windows = functional.pad(words, (0, 0, 0, size - 1)).unfold(0, size, 1)  # (T, I, K)
            weight = tensors[f"convs.{i}.weight"].flatten(1)
            parts.append(act(functional.linear(windows.flatten(1), weight, tensors[f"convs.{i}.bias"])))
        found[row, there] = torch.cat(parts, dim=1)
    return found
