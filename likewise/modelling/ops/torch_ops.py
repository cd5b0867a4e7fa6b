"""Runs a network on torch: with gradients, in half precision, and on GPUs. Needs the ``torch`` extra."""

from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from likewise.modelling.ops import HIDDEN, Attention, Cell, Function
from likewise.registry import require

require("torch", feature="running networks on torch", extra="torch")  # its error says what to install

import torch  # noqa: E402
from torch.nn import functional  # noqa: E402

Tensor: TypeAlias = torch.Tensor

_FUNCTIONS: dict[str, Any] = {
    "gelu": functional.gelu,
    "gelu_tanh": lambda x: functional.gelu(x, approximate="tanh"),
    "quick_gelu": lambda x: x * torch.sigmoid(1.702 * x),
    "relu": functional.relu,
    "silu": functional.silu,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "identity": lambda x: x,
    "absolute": torch.abs,
    "log1p": torch.log1p,
    "sqrt": torch.sqrt,
}


class TorchOps:
    """Activations and weights are tensors.

    Args:
        device: Where constants are put: "cpu", "cuda", "mps", ….
        dtype: Of floating-point constants.
    """

    def __init__(self, *, device: str = "cpu", dtype: torch.dtype = torch.float32) -> None:
        self._device, self._dtype = device, dtype

    def constant(self, value: NDArray[Any] | np.generic | Tensor) -> Tensor:
        made = torch.as_tensor(value if torch.is_tensor(value) else np.asarray(value))
        return made.to(self._device, self._dtype if made.is_floating_point() else made.dtype)

    def embed(self, table: Tensor, ids: Tensor) -> Tensor:
        return functional.embedding(ids, table)

    def lookup(self, table: NDArray[Any] | Tensor, ids: Tensor) -> Tensor:
        return self.constant(table)[ids]

    def first_rows(self, table: NDArray[Any] | Tensor, ids: Tensor) -> Tensor:
        return self.constant(table[: ids.shape[1]])

    def positions(self, mask: Tensor) -> Tensor:
        return (torch.arange(mask.shape[1], device=mask.device) - mask.argmax(1, keepdim=True)).clamp(min=0)

    def distances(self, ids: Tensor, *, limit: int) -> Tensor:
        places = torch.arange(ids.shape[1], device=ids.device)
        return (places[None, :] - places[:, None]).clamp(-limit, limit)

    def add(self, left: Tensor, right: Tensor) -> Tensor:
        return left + right

    def multiply(self, left: Tensor, right: Tensor) -> Tensor:
        return left * right

    def divide(self, left: Tensor, right: Tensor) -> Tensor:
        return left / right

    def matmul(self, left: Tensor, right: Tensor) -> Tensor:
        return left @ right

    def linear(self, x: Tensor, weight: Tensor, bias: Tensor | None, *, site: str) -> Tensor:
        del site
        return functional.linear(x, weight, bias)

    def layer_norm(self, x: Tensor, weight: Tensor, bias: Tensor | None, *, epsilon: float) -> Tensor:
        return functional.layer_norm(x, x.shape[-1:], weight, bias, epsilon)

    def rms_norm(self, x: Tensor, weight: Tensor, *, epsilon: float) -> Tensor:
        wide = x.float()  # squares overflow in half precision
        normed = wide * torch.rsqrt(wide.square().mean(-1, keepdim=True) + epsilon)
        return (normed * weight.float()).to(x.dtype)

    def apply(self, x: Tensor, function: Function) -> Tensor:
        found: Tensor = _FUNCTIONS[function](x)
        return found

    def softmax(self, x: Tensor) -> Tensor:
        return torch.softmax(x, -1)

    def attention(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        mask: Tensor,
        how: Attention,
        *,
        site: str,
        bias: Tensor | None = None,
    ) -> Tensor:
        del site
        q, k, v = (x.transpose(1, 2) for x in (query, key, value))  # (B, H, T, d)
        if how.groups < how.heads:
            k, v = (x.repeat_interleave(how.heads // how.groups, dim=1) for x in (k, v))
        hidden = self._hidden(mask, q.dtype, how)
        if bias is not None:
            hidden = bias if hidden is None else bias + hidden
        mixed = functional.scaled_dot_product_attention(q, k, v, attn_mask=hidden, scale=how.scale)
        return mixed.transpose(1, 2).flatten(2)

    def _hidden(self, mask: Tensor, dtype: torch.dtype, how: Attention) -> Tensor | None:
        """What is added to the scores, (B, 1, T, T) or (B, 1, 1, T); None where all is seen, for the fastest kernel."""
        seen = (mask > 0)[:, None, None, :]
        if how.causal or how.window is not None:
            ahead = self.distances(mask, limit=mask.shape[1])
            near = ahead <= 0 if how.causal else torch.ones_like(ahead, dtype=torch.bool)
            seen = seen & (near if how.window is None else near & (ahead.abs() <= how.window))
        elif bool(seen.all()):
            return None
        least = max(HIDDEN, torch.finfo(dtype).min / 2)
        return torch.zeros(seen.shape, dtype=dtype, device=mask.device).masked_fill(~seen, least)

    def reshape(self, x: Tensor, shape: Sequence[int]) -> Tensor:
        return x.reshape([x.shape[axis] if size == 0 else size for axis, size in enumerate(shape)])

    def transpose(self, x: Tensor, order: Sequence[int]) -> Tensor:
        return x.permute(*order)

    def concat(self, parts: Sequence[Tensor]) -> Tensor:
        return torch.cat(list(parts), -1)

    def part(self, x: Tensor, start: int, stop: int) -> Tensor:
        return x[..., start:stop]

    def take_along(self, x: Tensor, index: Tensor) -> Tensor:
        return torch.gather(x, -1, index.expand(*x.shape[:-1], index.shape[-1]))

    def sum(self, x: Tensor, axis: int) -> Tensor:
        return x.sum(axis)

    def max(self, x: Tensor, axis: int) -> Tensor:
        return x.amax(axis)

    def real(self, mask: Tensor) -> Tensor:
        return mask[:, :, None].to(self._dtype)

    def hide(self, x: Tensor, mask: Tensor) -> Tensor:
        return x.masked_fill(mask[:, :, None] == 0, -torch.inf)

    def token(self, x: Tensor, mask: Tensor, which: Literal["first", "last"]) -> Tensor:
        there = mask if which == "first" else mask.flip(1)
        place = there.argmax(1)  # the first of equals
        return x[torch.arange(len(x), device=x.device), place if which == "first" else mask.shape[1] - 1 - place]

    def normalise(self, x: Tensor) -> Tensor:
        return functional.normalize(x, dim=-1)

    def keep_top(self, x: Tensor, k: int) -> Tensor:
        best = torch.sort(x, dim=-1, descending=True, stable=True).indices[..., :k]
        return torch.zeros_like(x).scatter(-1, best, x.gather(-1, best))

    def lstm(self, x: Tensor, mask: Tensor, cell: Cell, *, reverse: bool) -> Tensor:
        weights: Any = cell  # its arrays are tensors here
        state = x.new_zeros(len(x), weights.state_weight.shape[1])
        memory = x.new_zeros(len(x), len(weights.bias) // 4)
        states = [state] * x.shape[1]
        for t in reversed(range(x.shape[1])) if reverse else range(x.shape[1]):
            new_state, new_memory = _step(x[:, t], state, memory, weights)
            there = mask[:, t, None] > 0  # (B, 1)
            state, memory = torch.where(there, new_state, state), torch.where(there, new_memory, memory)
            states[t] = torch.where(there, new_state, torch.zeros_like(new_state))
        return torch.stack(states, 1)

    def convolve(self, x: Tensor, weight: Tensor, bias: Tensor | None, *, stride: int = 1, padding: int = 0) -> Tensor:
        run: Any = functional.conv1d if weight.ndim == 3 else functional.conv2d
        found: Tensor = run(x, weight, bias, stride=stride, padding=padding)
        return found


def _step(x: Tensor, state: Tensor, memory: Tensor, cell: Any) -> tuple[Tensor, Tensor]:
    """One token: (B, I), the state (B, H) and the cell (B, S) to the next state and cell."""
    gates = x @ cell.input_weight.T + state @ cell.state_weight.T + cell.bias  # (B, 4S)
    i, f, g, o = gates.chunk(4, 1)
    memory = torch.sigmoid(f + cell.forget_bias) * memory + torch.sigmoid(i) * torch.tanh(g)
    if cell.clip_cell is not None:
        memory = memory.clamp(-cell.clip_cell, cell.clip_cell)
    state = torch.sigmoid(o) * torch.tanh(memory)
    if cell.project is not None:
        state = state @ cell.project.T
    if cell.clip_state is not None:
        state = state.clamp(-cell.clip_state, cell.clip_state)
    return state, memory
