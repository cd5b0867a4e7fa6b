"""Write tests/golden/heads/NAME.npz, and the shapes in NAME.json: what transformers' heads give for seeded weights.

Run it with a Python that has torch and transformers; NAME are families, all if none is given:

    python tests/golden/make_heads.py [NAME ...]

Of each case, ``class`` names the reference. ``texts`` are its scores for texts padded on the right, ``pairs`` those
where the second half of each is a second text, for families that tell the two apart.
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch
import transformers

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "modelling")]

from seeded import batches, seeded_tensors  # noqa: E402
from seeded_heads import HEADS, pairs  # noqa: E402


def main() -> None:
    torch.set_num_threads(1)
    for name in sys.argv[1:] or sorted(path.stem for path in HEADS.glob("*.json")):
        path = HEADS / f"{name}.json"
        described = json.loads(path.read_text())
        arrays = {}
        for case in described:
            case["shapes"], found = scores(case)
            arrays |= {f"{case['name']}.{kind}": values for kind, values in found.items()}
        path.write_text(json.dumps(described, indent=1) + "\n")
        np.savez_compressed(path.with_suffix(".npz"), **arrays)
        sys.stdout.write(f"{name}: {len(described)} cases\n")


def scores(case: dict) -> tuple[dict, dict]:
    config = transformers.AutoConfig.for_model(**case["config"])
    config._attn_implementation = "eager"
    model = getattr(transformers, case["class"])(config).eval().float()
    shapes = published_shapes(model)
    model.load_state_dict({name: torch.tensor(value) for name, value in seeded_tensors(shapes).items()}, strict=False)
    ids, mask = batches(case["config"])["right"]
    given = {"input_ids": torch.tensor(ids), "attention_mask": torch.tensor(mask)}
    with torch.no_grad():
        found = {"texts": model(**given).logits.numpy()}
        if case["segments"]:
            found["pairs"] = model(**given, token_type_ids=torch.tensor(pairs(mask))).logits.numpy()
    return shapes, found


def published_shapes(model: torch.nn.Module) -> dict[str, list[int]]:
    """Of the tensors that are saved: a tensor that is another one under a second name is not."""
    second = dict(model._tied_weights_keys or {})  # name -> that of the tensor which it is
    state = model.state_dict()
    assert all(state[name].data_ptr() == state[first].data_ptr() for name, first in second.items())
    return {
        name: list(value.shape) for name, value in state.items() if value.is_floating_point() and name not in second
    }


if __name__ == "__main__":
    main()
