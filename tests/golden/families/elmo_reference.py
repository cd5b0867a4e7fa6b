"""ELMo over plain torch: one text after the other without padding, words and tokens one at a time.

Where nothing is clipped, torch's own LSTM with a projection runs it, so that it stands on a recurrence of others too.
The tensors are those of the published file, in TensorFlow's conventions.
"""

import torch
from torch import nn
from torch.nn import functional


def shapes(config: dict) -> dict:
    cnn, lstm = config["char_cnn"], config["lstm"]
    inner, width, letters = lstm["dim"], lstm["projection_dim"], cnn["embedding"]["dim"]
    features = sum(count for _, count in cnn["filters"])
    found = {"char_embed": [261, letters], "CNN_proj/W_proj": [features, width], "CNN_proj/b_proj": [width]}
    for i, (size, count) in enumerate(cnn["filters"]):
        found |= {f"CNN/W_cnn_{i}": [1, size, letters, count], f"CNN/b_cnn_{i}": [count]}
    for i in range(cnn["n_highway"]):
        for name in ("carry", "transform"):
            found |= {f"CNN_high_{i}/W_{name}": [features, features], f"CNN_high_{i}/b_{name}": [features]}
    for direction in range(2):
        for i in range(lstm["n_layers"]):
            place = f"RNN_{direction}/RNN/MultiRNNCell/Cell{i}/LSTMCell/"
            found |= {place + "W_0": [2 * width, 4 * inner], place + "B": [4 * inner], place + "W_P_0": [inner, width]}
    if config.get("layer_mix") == "learned":
        found |= {f"scalar_mix_0.scalar_parameters.{j}": [1] for j in range(lstm["n_layers"] + 1)}
        found["scalar_mix_0.gamma"] = [1]
    return found


def word(config: dict, tensors: dict, letters: list[int]) -> torch.Tensor:
    """One word (H,) from its 50 characters, which are counted from 0."""
    cnn = config["char_cnn"]
    embedded = torch.stack([tensors["char_embed"][letter] for letter in letters])  # (50, I)
    act = {"relu": torch.relu, "tanh": torch.tanh}[cnn["activation"]]
    found = []
    for i, (size, count) in enumerate(cnn["filters"]):
        convolution = nn.Conv1d(embedded.shape[1], count, size)
        convolution.weight.data = tensors[f"CNN/W_cnn_{i}"][0].permute(2, 1, 0).contiguous()
        convolution.bias.data = tensors[f"CNN/b_cnn_{i}"]
        found.append(act(functional.adaptive_max_pool1d(convolution(embedded.T[None]), 1)).flatten())
    x = torch.cat(found)
    for i in range(cnn["n_highway"]):
        carry = torch.sigmoid(x @ tensors[f"CNN_high_{i}/W_carry"] + tensors[f"CNN_high_{i}/b_carry"])
        new = torch.relu(x @ tensors[f"CNN_high_{i}/W_transform"] + tensors[f"CNN_high_{i}/b_transform"])
        x = carry * new + (1 - carry) * x
    return x @ tensors["CNN_proj/W_proj"] + tensors["CNN_proj/b_proj"]


def layer(lstm: dict, tensors: dict, place: str, x: torch.Tensor) -> torch.Tensor:
    """One layer in the order of x (T, H)."""
    weight, bias, project = (tensors[f"{place}/{name}"] for name in ("W_0", "B", "W_P_0"))
    inner, width = project.shape
    i, j, f, o = (weight[:, n * inner : (n + 1) * inner] for n in range(4))
    i_bias, j_bias, f_bias, o_bias = (bias[n * inner : (n + 1) * inner] for n in range(4))
    if "cell_clip" not in lstm:
        torch_order = torch.cat([i, f, j, o], dim=1).T  # (4S, 2H)
        made = nn.LSTM(width, inner, proj_size=width)
        made.weight_ih_l0.data, made.weight_hh_l0.data = torch_order[:, :width], torch_order[:, width:]
        made.bias_ih_l0.data = torch.cat([i_bias, f_bias + 1, j_bias, o_bias])
        made.bias_hh_l0.data.zero_()
        made.weight_hr_l0.data = project.T.contiguous()
        return made(x[:, None])[0][:, 0]
    state, memory, states = torch.zeros(width), torch.zeros(inner), []
    for token in x:
        both = torch.cat([token, state])
        kept = torch.sigmoid(both @ f + f_bias + 1) * memory
        memory = kept + torch.sigmoid(both @ i + i_bias) * torch.tanh(both @ j + j_bias)
        memory = memory.clamp(-lstm["cell_clip"], lstm["cell_clip"])
        state = (torch.sigmoid(both @ o + o_bias) * torch.tanh(memory)) @ project
        state = state.clamp(-lstm["proj_clip"], lstm["proj_clip"])
        states.append(state)
    return torch.stack(states)


def text(config: dict, tensors: dict, words: list[list[int]]) -> torch.Tensor:
    """States of one text (T, 2H)."""
    lstm = config["lstm"]
    begin, end = ([258, marker, 259] + [260] * 47 for marker in (256, 257))
    first = torch.stack([word(config, tensors, letters) for letters in (begin, *words, end)])
    layers = [torch.cat([first, first], dim=1)]
    forwards, backwards = first, first.flip(0)
    for n in range(lstm["n_layers"]):
        place = "RNN_{}/RNN/MultiRNNCell/Cell" + f"{n}/LSTMCell"
        new_forwards = layer(lstm, tensors, place.format(0), forwards)
        new_backwards = layer(lstm, tensors, place.format(1), backwards)
        forwards = new_forwards + forwards if n else new_forwards
        backwards = new_backwards + backwards if n else new_backwards
        layers.append(torch.cat([forwards, backwards.flip(0)], dim=1))
    shares, gamma = torch.full([len(layers)], 1 / len(layers)), 1.0
    if config.get("layer_mix") == "learned":
        scores = [tensors[f"scalar_mix_0.scalar_parameters.{j}"] for j in range(len(layers))]
        shares, gamma = torch.softmax(torch.cat(scores), 0), tensors["scalar_mix_0.gamma"]
    mixed = gamma * sum(share * one for share, one in zip(shares, layers, strict=True))
    return mixed[1:-1]


def states(config: dict, tensors: dict, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    found = torch.zeros(*ids.shape[:2], 2 * config["lstm"]["projection_dim"])
    for row, there in enumerate(mask > 0):
        found[row, there] = text(config, tensors, (ids[row, there] - 1).tolist())
    return found
