"""InferSent by torch's own LSTM, one text after the other without padding, written apart from the library's."""

import torch
from torch import nn


def network(config: dict) -> nn.ModuleDict:
    width, states = config["word_emb_dim"], config["enc_lstm_dim"]
    return nn.ModuleDict(
        {
            "word_embeddings": nn.Embedding(config["vocab_size"], width),
            "enc_lstm": nn.LSTM(width, states, num_layers=1, bidirectional=True),
        }
    )


def shapes(config: dict) -> dict:
    return {name: list(value.shape) for name, value in network(config).state_dict().items()}


def states(config: dict, tensors: dict, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    made = network(config)
    made.load_state_dict(tensors)
    found = torch.zeros(*ids.shape, 2 * config["enc_lstm_dim"])
    for row, there in enumerate(mask > 0):
        words = made["word_embeddings"](ids[row, there])
        found[row, there] = made["enc_lstm"](words[:, None, :])[0][:, 0]
    return found
