"""Write tests/golden/families/NAME.npz, and the shapes in NAME.json: what a reference gives for seeded random weights.

Run it with a Python that has torch and transformers; NAME are families, all if none is given:

    python tests/golden/make_families.py [NAME ...]

The reference is the class that transformers has for the case's config.json. Where there is none, NAME_reference.py
beside the case has ``shapes(config)`` and ``states(config, tensors, ids, mask)``, written over plain torch.nn.
"""

import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
import torch
import transformers

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "modelling")]

from seeded import GOLDEN, batches, seeded_tensors  # noqa: E402


def main() -> None:
    torch.set_num_threads(1)
    names = sys.argv[1:] or sorted(path.stem for path in GOLDEN.glob("*.json"))
    for name in names:
        path = GOLDEN / f"{name}.json"
        described = json.loads(path.read_text())
        arrays = {}
        for case in described:
            case["shapes"], found = by_own(name, case) if own(name) else by_transformers(case)
            arrays |= {f"{case['name']}.{kind}": states for kind, states in found.items()}
        path.write_text(json.dumps(described, indent=1) + "\n")
        np.savez_compressed(path.with_suffix(".npz"), **arrays)
        sys.stdout.write(f"{name}: {len(described)} cases\n")


def by_transformers(case: dict) -> tuple[dict, dict]:
    """``case["class"]`` names the class; otherwise AutoModel finds it. ``case["drop"]`` are prefixes to leave out."""
    config = transformers.AutoConfig.for_model(**case["config"])
    config._attn_implementation = "eager"
    maker = getattr(transformers, case["class"]) if "class" in case else None
    model = maker(config) if maker else transformers.AutoModel.from_config(config)
    model = model.eval().float()
    shapes = {name: list(value.shape) for name, value in model.state_dict().items() if value.is_floating_point()}
    shapes = {name: shape for name, shape in shapes.items() if not name.startswith(tuple(case.get("drop", ())))}
    tensors = {name: torch.tensor(value) for name, value in seeded_tensors(shapes).items()}
    model.load_state_dict(tensors, strict=False)
    found = {}
    for kind, (ids, mask) in batches(case["config"]).items():
        given = {"input_ids": torch.tensor(ids), "attention_mask": torch.tensor(mask)}
        if case.get("positions"):  # the class counts padding on the left as tokens, unless it is told where they stand
            given["position_ids"] = torch.tensor(np.maximum(mask.cumsum(1) - 1, 0) + case["positions"] - 1)
        with torch.no_grad():
            states = model(**given).last_hidden_state.numpy()
        found[kind] = (states * mask[:, :, None]).astype(np.float32)
    return shapes, found


def own(name: str) -> bool:
    return (GOLDEN / f"{name}_reference.py").is_file()


def by_own(name: str, case: dict) -> tuple[dict, dict]:
    spec = importlib.util.spec_from_file_location(f"{name}_reference", GOLDEN / f"{name}_reference.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    shapes = module.shapes(case["config"])
    tensors = {key: torch.tensor(value) for key, value in seeded_tensors(shapes).items()}
    found = {}
    for kind, (ids, mask) in batches(case["config"]).items():
        with torch.no_grad():
            states = module.states(case["config"], tensors, torch.tensor(ids), torch.tensor(mask)).numpy()
        found[kind] = (states * mask[:, :, None]).astype(np.float32)
    return shapes, found


if __name__ == "__main__":
    main()
