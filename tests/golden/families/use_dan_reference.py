"""The deep averaging network up to its average, as torch.nn.EmbeddingBag takes it: a bag of two for each token."""

import torch
from torch import nn


def shapes(config: dict) -> dict:
    width = config["hidden_size"]
    return {
        "word_embeddings.weight": [config["vocab_size"], width],
        "bigram_embeddings.weight": [config["bigram_buckets"], width],
    }


def states(config: dict, tensors: dict, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    words, pairs = tensors["word_embeddings.weight"], tensors["bigram_embeddings.weight"]
    bag = nn.EmbeddingBag.from_pretrained(torch.cat([words, pairs]), mode="mean")
    found = torch.zeros(*ids.shape, words.shape[1])
    for row, there in enumerate(mask > 0):
        tokens = ids[row, there].tolist()
        bags = [
            [first, len(words) + (first * 1_000_003 + second * 15_485_863) % len(pairs)]
            for first, second in zip(tokens, [*tokens[1:], config["vocab_size"]], strict=True)
        ]
        found[row, there] = bag(torch.tensor(bags))
    return found
