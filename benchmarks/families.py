"""How far each family's states are from its reference on seeded random weights, by each interpreter.

    python benchmarks/families.py

The cases and what the references gave are those of the tests: three texts padded on the right and on the left, and one
long text. A reference is the class of transformers, or where it has none a second implementation over plain torch.nn.
torch is run if it is installed. The greatest difference at real tokens counts; a checkpoint written and read again must
be equal to the bit.
"""

import sys
import tempfile
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from reporting import Row, at_most, parser, print_settings, print_table

from likewise.modelling.checkpoints import Checkpoint, read_checkpoint, write_checkpoint

_TESTS = Path(__file__).parent.parent / "tests"
sys.path[:0] = [str(_TESTS), str(_TESTS / "modelling")]

from seeded import GOLDEN, Case, batches, cases_of, write_case  # noqa: E402
from test_every_family import by_numpy, engine_of, worst  # noqa: E402

Run = Callable[[NDArray[np.int64], NDArray[np.int64]], NDArray[np.float32]]


def main() -> None:
    arguments = parser(__doc__).parse_args()
    print_settings({"limit": 1e-4}, as_json=arguments.json)
    rows = [_row(path.stem) for path in sorted(GOLDEN.glob("*.json"))]
    print_table("Greatest difference of states", rows, as_json=arguments.json)


def _row(family: str) -> Row:
    own = (GOLDEN / f"{family}_reference.py").is_file()
    found: dict[str, float] = {}
    cases, same = cases_of(family), True
    for case in cases:
        with tempfile.TemporaryDirectory() as folder:
            checkpoint = read_checkpoint(write_case(case, Path(folder) / "model"))
            for name, run in _interpreters(checkpoint).items():
                found[name] = max(found.get(name, 0.0), _difference(case, run))
            same &= _is_kept(checkpoint, Path(folder) / "copy")
    every = {name: float(f"{value:.1e}") for name, value in found.items()}
    reference = "torch.nn" if own else "transformers"
    return {
        "family": family,
        "cases": len(cases),
        "reference": reference,
        **every,
        "bit_equal": same,
        **at_most(max(every.values()), 1e-4),
    }


def _interpreters(checkpoint: Checkpoint) -> dict[str, Run]:
    weights = checkpoint.weights()
    runs: dict[str, Run] = {
        "numpy": lambda ids, mask: by_numpy(checkpoint, weights, ids, mask),
        "onnx": engine_of(checkpoint, weights),
    }
    if find_spec("torch"):
        runs["torch"] = _by_torch(checkpoint)
    return runs


def _by_torch(checkpoint: Checkpoint) -> Run:
    import torch

    from likewise.modelling.ops import Inputs
    from likewise.modelling.ops.torch_ops import TorchOps

    weights = {name: torch.tensor(value) for name, value in checkpoint.weights().items()}

    def run(ids: NDArray[np.int64], mask: NDArray[np.int64]) -> NDArray[np.float32]:
        inputs = Inputs(torch.tensor(ids), torch.tensor(mask))
        states: NDArray[np.float32] = (
            checkpoint.family.forward(TorchOps(), weights, checkpoint.settings, inputs).detach().numpy()
        )
        return states

    return run


def _difference(case: Case, run: Run) -> float:
    return max(
        float(worst(run(ids, mask), mask, case.expected[kind])) for kind, (ids, mask) in batches(case.config).items()
    )


def _is_kept(checkpoint: Checkpoint, folder: Path) -> bool:
    weights = checkpoint.weights()
    write_checkpoint(checkpoint, weights, folder)
    again = read_checkpoint(folder).weights()
    return set(again) == set(weights) and all(np.array_equal(again[name], weights[name]) for name in weights)


if __name__ == "__main__":
    main()
