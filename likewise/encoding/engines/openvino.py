"""OpenVINO on the CPU, one stream a core: the default."""

import os
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import openvino
from numpy.typing import NDArray

from likewise.encoding.batching import BUDGET_TOKENS
from likewise.encoding.contract import Contract
from likewise.encoding.engines import Collect, EngineKind, Feed
from likewise.encoding.engines._saturation import saturates
from likewise.errors import ArtifactError
from likewise.modelling.checkpoints import Checkpoint
from likewise.modelling.ops import Inputs
from likewise.modelling.ops.onnx_weights import UNSATURATED, Int8Form


class OpenVinoEngine:
    """A compiled network. Make one with ``compile_network`` or ``import_network``."""

    budget_tokens = BUDGET_TOKENS

    def __init__(self, compiled: Any) -> None:
        self._compiled = compiled
        self._queue = openvino.AsyncInferQueue(compiled, _cores())
        self._queue.set_callback(_hand_on)

    def run(self, feeds: Iterable[Feed], collect: Collect) -> None:
        for rows, inputs in feeds:
            self._queue.start_async(dict(enumerate(_given(inputs))), userdata=(collect, rows))
        self._queue.wait_all()

    def export(self) -> bytes:
        exported: bytes = self._compiled.export_model().getvalue()
        return exported


def compile_network(model: bytes, *, precision: str) -> OpenVinoEngine:
    """Compile an ONNX model of ``modelling.network`` for this processor."""
    core = openvino.Core()
    return OpenVinoEngine(core.compile_model(core.read_model(model), "CPU", _options(precision)))


def import_network(blob: bytes, *, precision: str) -> OpenVinoEngine:
    """Load what ``OpenVinoEngine.export`` gave.

    Raises:
        ArtifactError: It was made by another version. What was altered since is not noticed here.
    """
    core = openvino.Core()
    try:
        compiled = core.import_model(blob, "CPU", _options(precision))
    except RuntimeError as error:
        raise ArtifactError(f"the compiled network can't be loaded: {error}") from error
    return OpenVinoEngine(compiled)


def describe_engine() -> dict[str, str]:
    """Version, processor and what it can compute with; also the key under which compiled forms are kept."""
    core = openvino.Core()
    return {
        "engine": f"openvino {openvino.get_version()}",
        "processor": core.get_property("CPU", "FULL_DEVICE_NAME"),
        "capabilities": " ".join(core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")),
        "cores": str(_cores()),
    }


def uses_half(precision: str) -> bool:
    """Whether what is not int8 runs in half precision: where the processor has it; float32 is float32 throughout."""
    return precision == "int8" and "BF16" in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


def int8_form() -> Int8Form:
    """How int8 is fastest here: where products saturate, OpenVINO's matrix products are slower than float32."""
    if saturates(_run_once):
        return Int8Form(convolve=True, largest=UNSATURATED)
    return Int8Form(early=not uses_half("int8"))


def ready_network(model: bytes) -> Callable[[NDArray[np.float32]], NDArray[np.float32]]:
    """Any ONNX model of one input and one output as a function, in float32 where it says nothing else."""
    core = openvino.Core()
    request = core.compile_model(core.read_model(model), "CPU", _options("float32")).create_infer_request()

    def infer(x: NDArray[np.float32]) -> NDArray[np.float32]:
        request.infer({0: x}, share_inputs=True)
        found: NDArray[np.float32] = request.get_output_tensor(0).data.copy()
        return found

    return infer


def _run_once(model: bytes, x: NDArray[np.float32]) -> NDArray[np.float32]:
    return ready_network(model)(x)


def _options(precision: str) -> dict[str, Any]:
    return {
        "INFERENCE_NUM_THREADS": _cores(),
        "NUM_STREAMS": _cores(),
        "INFERENCE_PRECISION_HINT": "bf16" if uses_half(precision) else "f32",
        "ENABLE_CPU_PINNING": False,  # the system schedules better than a library that knows of itself alone
    }


def _cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _given(inputs: Inputs[NDArray[np.int64]]) -> list[NDArray[np.int64]]:
    """The inputs that there are, in the order in which ``OnnxOps.finish`` declares them."""
    return [one for one in (inputs.ids, inputs.mask, inputs.segments, inputs.pooled) if one is not None]


def _hand_on(request: Any, to: tuple[Collect, NDArray[np.int64]]) -> None:
    collect, rows = to
    collect(rows, request.get_output_tensor(0).data[: len(rows)])


def _prepare(_checkpoint: Checkpoint, contract: Contract, record: Callable[[], bytes]) -> OpenVinoEngine:
    return compile_network(record(), precision=contract.precision)


def _load(blob: bytes, _checkpoint: Checkpoint, contract: Contract) -> OpenVinoEngine:
    return import_network(blob, precision=contract.precision)


PLUGIN = EngineKind(
    precisions=("float32", "int8", "int4"),
    describe=describe_engine,
    prepare=_prepare,
    load=_load,
    int8=int8_form,
)
