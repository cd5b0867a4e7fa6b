"""What runs a network: one file per engine, all behind one protocol."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from likewise.encoding.contract import Contract
from likewise.modelling.checkpoints import Checkpoint
from likewise.modelling.ops import Inputs
from likewise.modelling.ops.onnx_weights import Int8Form
from likewise.registry import Folder

Feed: TypeAlias = tuple[NDArray[np.int64], Inputs[NDArray[np.int64]]]  # row numbers (B,), and what the network is given
Collect: TypeAlias = Callable[[NDArray[np.int64], NDArray[np.float32]], None]  # row numbers, what it gave for them


class Engine(Protocol):
    """A network that is ready to run."""

    budget_tokens: int  # of a batch, padding included, that it runs fastest with

    def run(self, feeds: Iterable[Feed], collect: Collect) -> None:
        """Run every batch, and hand on what came out, in any order, from any thread, one at a time.

        A batch may have more rows than row numbers: what is over is dropped.
        """
        ...

    def export(self) -> bytes:
        """A form that ``EngineKind.load`` takes back, for this processor and version; empty if there is none."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineKind:
    """What an engine's file gives as ``PLUGIN``."""

    precisions: tuple[str, ...]
    describe: Callable[[], Mapping[str, str]]  # version and processor: the key under which exports are kept
    prepare: Callable[[Checkpoint, Contract, Callable[[], bytes]], Engine]  # the last records the network as ONNX
    load: Callable[[bytes, Checkpoint, Contract], Engine]  # raises ArtifactError if another version exported it
    int8: Callable[[], Int8Form] = Int8Form  # how int8 is computed here


ENGINES: Folder[EngineKind] = Folder("engine", "likewise.encoding.engines")
