"""Runs a recorded network on OpenVINO, one stream a core."""

import os
from collections.abc import Iterable
from typing import Any

import numpy as np
import openvino
from numpy.typing import NDArray

from likewise.errors import ArtifactError
from likewise.types import Vectors


class Engine:
    """A compiled network. Make one with ``compile_network`` or ``import_network``."""

    def __init__(self, compiled: Any, dimension: int) -> None:
        self._compiled = compiled
        self._queue = openvino.AsyncInferQueue(compiled, _cores())
        self._queue.set_callback(_keep)
        self._dimension = dimension

    def run(
        self, batches: Iterable[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]], *, rows: int
    ) -> Vectors:
        """Vectors (``rows``, D) of batches given as (row numbers (B,), ids (B, T), mask (B, T))."""
        vectors = np.empty((rows, self._dimension), np.float32)
        for numbers, ids, mask in batches:
            self._queue.start_async({0: ids, 1: mask}, userdata=(vectors, numbers))
        self._queue.wait_all()
        return vectors

    def export(self) -> bytes:
        """The compiled form, for this processor and this version of OpenVINO."""
        exported: bytes = self._compiled.export_model().getvalue()
        return exported


def compile_network(model: bytes, *, precision: str, dimension: int) -> Engine:
    """Compile an ONNX model of ``modelling.network`` for this processor."""
    core = openvino.Core()
    return Engine(core.compile_model(core.read_model(model), "CPU", _options(precision)), dimension)


def import_network(blob: bytes, *, precision: str, dimension: int) -> Engine:
    """Load what ``Engine.export`` gave.

    Raises:
        ArtifactError: It was made by another version. What was altered since is not noticed here.
    """
    core = openvino.Core()
    try:
        compiled = core.import_model(blob, "CPU", _options(precision))
    except RuntimeError as error:
        raise ArtifactError(f"the compiled network can't be loaded: {error}") from error
    return Engine(compiled, dimension)


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


def _keep(request: Any, into: tuple[Vectors, NDArray[np.int64]]) -> None:
    vectors, numbers = into
    vectors[numbers] = request.get_output_tensor(0).data[: len(numbers)]
