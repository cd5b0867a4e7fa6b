"""PyTorch on the GPU if there is one, else on the CPU; half precision too. Needs the torch extra."""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from likewise.encoding.batching import BUDGET_TOKENS
from likewise.encoding.contract import Contract
from likewise.encoding.engines import Collect, EngineKind, Feed
from likewise.modelling import network
from likewise.modelling.checkpoints import Checkpoint
from likewise.modelling.ops import Inputs
from likewise.modelling.ops.torch_ops import TorchOps
from likewise.registry import require

torch: Any = require("torch", feature="the torch engine", extra="torch")

_GPU_TOKENS = 32_768  # of a batch: enough to keep a large card busy, some hundred MB of activations
Run = Callable[[Inputs[Any]], Any]  # tensors of a batch -> what the model gives for it


class TorchEngine:
    """A network as a function of tensors.

    Args:
        function: The network.
        device: Where its inputs are wanted.
    """

    def __init__(self, function: Run, *, device: str) -> None:
        self._function, self._device = function, device
        self.budget_tokens = BUDGET_TOKENS if device == "cpu" else _GPU_TOKENS

    def run(self, feeds: Iterable[Feed], collect: Collect) -> None:
        waiting: list[tuple[NDArray[np.int64], Any]] = []
        with torch.inference_mode():
            for rows, inputs in feeds:
                found = self._function(_moved(inputs, self._device))[: len(rows)]
                waiting.append((rows, found.float()))
                if len(waiting) > 1:  # a GPU works on the next batch while the last one is fetched
                    _hand_on(waiting.pop(0), collect)
            for one in waiting:
                _hand_on(one, collect)

    def export(self) -> bytes:
        return b""


def best_device() -> str:
    """The device that networks run on."""
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def torch_dtype(precision: str) -> Any:
    """The type of a precision."""
    return getattr(torch, precision)


def describe_torch() -> dict[str, str]:
    """Version and device."""
    device = best_device()
    name = torch.cuda.get_device_name() if device == "cuda" else device
    return {"engine": f"torch {torch.__version__}", "device": name}


def _hand_on(one: tuple[NDArray[np.int64], Any], collect: Collect) -> None:
    rows, found = one
    collect(rows, found.cpu().numpy())


def _moved(inputs: Inputs[NDArray[np.int64]], device: str) -> Inputs[Any]:
    every = (inputs.ids, inputs.mask, inputs.segments, inputs.pooled)
    ids, mask, segments, pooled = (None if one is None else torch.from_numpy(one).to(device) for one in every)
    return Inputs(ids, mask, segments, pooled)


def _prepare(checkpoint: Checkpoint, contract: Contract, _record: Callable[[], bytes]) -> TorchEngine:
    device, dtype = best_device(), torch_dtype(contract.precision)
    ops: Any = TorchOps(device=device, dtype=dtype)
    weights = {name: torch.tensor(value).to(device, dtype) for name, value in checkpoint.folded_weights().items()}
    return TorchEngine(lambda inputs: network.run(ops, checkpoint, weights, inputs), device=device)


def _load(_blob: bytes, checkpoint: Checkpoint, contract: Contract) -> TorchEngine:
    return _prepare(checkpoint, contract, lambda: b"")


PLUGIN = EngineKind(
    precisions=("float32", "float16", "bfloat16"), describe=describe_torch, prepare=_prepare, load=_load
)
