"""Write tests/golden/heads_modern/NAME.npz, and the shapes in NAME.json: heads of files that transformers renames.

Run it with a Python that has torch and transformers; NAME are families, all if none is given:

    python tests/golden/make_heads_modern.py [NAME ...]

As ``make_heads.py``, but tensors go through a folder, written and read by transformers, so that their names are the
published ones. ``reference`` is the config.json of the class that ``class`` names, where it is not ``config``. Files of
the authors' own code differ from what transformers writes: ``renamed`` says which beginnings of names do, ``absent``
which tensors they lack, 0 in the reference. The class "jina_bert" is the reference beside that family's cases.
"""

import json
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
import transformers
from safetensors.torch import load_file, save_file
from torch.nn import functional

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "modelling"), str(HERE / "families")]

import jina_bert_reference  # noqa: E402
from seeded import batches, seeded_tensors  # noqa: E402
from seeded_heads import pairs  # noqa: E402

FOLDER = HERE / "heads_modern"


def main() -> None:
    torch.set_num_threads(1)
    for name in sys.argv[1:] or sorted(path.stem for path in FOLDER.glob("*.json")):
        path = FOLDER / f"{name}.json"
        described = json.loads(path.read_text())
        arrays = {}
        for case in described:
            case["shapes"], found = (by_own if case["class"] == "jina_bert" else by_transformers)(case)
            arrays |= {f"{case['name']}.{kind}": values for kind, values in found.items()}
        path.write_text(json.dumps(described, indent=1) + "\n")
        np.savez_compressed(path.with_suffix(".npz"), **arrays)
        sys.stdout.write(f"{name}: {len(described)} cases\n")


def by_transformers(case: dict) -> tuple[dict, dict]:
    config = transformers.AutoConfig.for_model(**case.get("reference", case["config"]))
    maker = getattr(transformers, case["class"])
    with tempfile.TemporaryDirectory() as folder:
        maker(config).save_pretrained(folder)
        file = Path(folder) / "model.safetensors"
        absent = case.get("absent", [])
        written = {name: list(value.shape) for name, value in load_file(file).items()}
        shapes = {renamed(case, name): shape for name, shape in written.items() if name not in absent}
        tensors = {name: torch.tensor(value) for name, value in seeded_tensors(shapes).items()}
        zeros = {name: torch.zeros(written[name]) for name in absent}
        given = {name: tensors[renamed(case, name)] for name in written if name not in absent} | zeros
        save_file(given, file, metadata={"format": "pt"})
        model = maker.from_pretrained(folder, attn_implementation="eager").eval()
    return shapes, scores(case, lambda ids, mask, **more: model(input_ids=ids, attention_mask=mask, **more).logits)


def renamed(case: dict, name: str) -> str:
    for theirs, published in case.get("renamed", {}).items():
        if name.startswith(theirs):
            return published + name.removeprefix(theirs)
    return name


def scores(case: dict, run) -> dict[str, np.ndarray]:
    ids, mask = batches(case["config"])["right"]
    with torch.no_grad():
        found = {"texts": run(torch.tensor(ids), torch.tensor(mask)).numpy()}
        if case["segments"]:
            segments = torch.tensor(pairs(mask))
            found["pairs"] = run(torch.tensor(ids), torch.tensor(mask), token_type_ids=segments).numpy()
    return found


def by_own(case: dict) -> tuple[dict, dict]:
    """BERT's heads on Jina's second network."""
    config = case["config"]
    width, head = config["hidden_size"], case["head"]
    linear = {"bert.pooler.dense": width, "classifier": 2} if head == "classification" else {}
    linear |= {"cls.predictions.transform.dense": width} if head == "masked_language" else {}
    shapes = {f"bert.{name}": shape for name, shape in jina_bert_reference.shapes(config).items()}
    shapes |= {f"{name}.weight": [out, width] for name, out in linear.items()}
    shapes |= {f"{name}.bias": [out] for name, out in linear.items()}
    if head == "masked_language":
        shapes |= {f"cls.predictions.transform.LayerNorm.{kind}": [width] for kind in ("weight", "bias")}
        shapes["cls.predictions.bias"] = [config["vocab_size"]]
    tensors = {name: torch.tensor(value) for name, value in seeded_tensors(shapes).items()}
    network = {name.removeprefix("bert."): value for name, value in tensors.items()}

    def run(ids, mask, token_type_ids=None):
        states = jina_bert_reference.states(config, network, ids, mask, token_type_ids)
        apply = lambda name, x: functional.linear(x, tensors[f"{name}.weight"], tensors[f"{name}.bias"])  # noqa: E731
        if head == "classification":
            return apply("classifier", torch.tanh(apply("bert.pooler.dense", states[:, 0])))
        x = functional.gelu(apply("cls.predictions.transform.dense", states))
        norm = [tensors[f"cls.predictions.transform.LayerNorm.{kind}"] for kind in ("weight", "bias")]
        x = functional.layer_norm(x, [width], *norm, config["layer_norm_eps"])
        return x @ tensors["bert.embeddings.word_embeddings.weight"].T + tensors["cls.predictions.bias"]

    return shapes, scores(case, run)


if __name__ == "__main__":
    main()
