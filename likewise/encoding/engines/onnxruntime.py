"""ONNX Runtime on the CPU, one thread a batch and as many batches as cores. Needs the onnxruntime extra."""

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from likewise.encoding.batching import BUDGET_TOKENS
from likewise.encoding.contract import Contract
from likewise.encoding.engines import Collect, EngineKind, Feed
from likewise.encoding.engines._saturation import saturates
from likewise.errors import ArtifactError
from likewise.modelling.checkpoints import Checkpoint
from likewise.modelling.ops import Inputs
from likewise.modelling.ops.onnx_weights import UNSATURATED, Int8Form
from likewise.registry import require

onnxruntime: Any = require("onnxruntime", feature="the onnxruntime engine", extra="onnxruntime")

_NAMES = ("input_ids", "attention_mask", "token_type_ids", "pooling_mask")


class OnnxRuntimeEngine:
    """A session over an ONNX model."""

    budget_tokens = BUDGET_TOKENS

    def __init__(self, model: bytes) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.enable_cpu_mem_arena = False  # it only grows, with every new shape
        options.log_severity_level = 3
        self._model = model
        try:
            self.session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # the library's own errors share no base
            raise ArtifactError(f"ONNX Runtime can't load the network: {error}") from error
        self._turn = Lock()

    def run(self, feeds: Iterable[Feed], collect: Collect) -> None:
        with ThreadPoolExecutor(_cores()) as pool:
            for _ in pool.map(lambda feed: self._one(feed, collect), feeds):
                pass  # so that an error in any batch is raised here

    def _one(self, feed: Feed, collect: Collect) -> None:
        rows, inputs = feed
        found = self.session.run(None, _given(inputs))[0]
        with self._turn:
            collect(rows, found[: len(rows)])

    def export(self) -> bytes:
        return self._model


def _given(inputs: Inputs[NDArray[np.int64]]) -> dict[str, NDArray[np.int64]]:
    every = (inputs.ids, inputs.mask, inputs.segments, inputs.pooled)
    return {name: one for name, one in zip(_NAMES, every, strict=True) if one is not None}


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _describe() -> dict[str, str]:
    return {"engine": f"onnxruntime {onnxruntime.__version__}", "largest_weight": str(int8_form().largest)}


@cache
def int8_form() -> Int8Form:
    """Smaller weights where the products of larger ones saturate."""
    return Int8Form(largest=UNSATURATED) if saturates(_run_once) else Int8Form()


def _run_once(model: bytes, x: NDArray[np.float32]) -> NDArray[np.float32]:
    found: NDArray[np.float32] = OnnxRuntimeEngine(model).session.run(None, {"x": x})[0]
    return found


def _prepare(_checkpoint: Checkpoint, _contract: Contract, record: Callable[[], bytes]) -> OnnxRuntimeEngine:
    return OnnxRuntimeEngine(record())


def _load(blob: bytes, _checkpoint: Checkpoint, _contract: Contract) -> OnnxRuntimeEngine:
    return OnnxRuntimeEngine(blob)


PLUGIN = EngineKind(precisions=("float32", "int8"), describe=_describe, prepare=_prepare, load=_load, int8=int8_form)
