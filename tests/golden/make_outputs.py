"""Write outputs.npz: what sentence-transformers gives for the tiny models of tests/tiny_outputs.py.

Run it with a Python that has torch and sentence-transformers 6.2 or newer:

    python tests/golden/make_outputs.py
"""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from sentence_transformers import CrossEncoder, MultiVectorEncoder, SparseEncoder

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from tiny_outputs import MULTI_VECTOR, PAIRS, SCORERS, SPARSE, TEXTS  # noqa: E402


def main() -> None:
    found = {}
    with TemporaryDirectory() as place:
        folder = Path(place)
        for name, write in SPARSE.items():
            model = SparseEncoder(str(write(folder / "sparse" / name)), device="cpu")
            for role in ("query", "document"):
                encode = getattr(model, f"encode_{role}")
                found[f"sparse.{name}.{role}"] = encode(TEXTS, convert_to_sparse_tensor=False).numpy()
        for name, write in MULTI_VECTOR.items():
            model = MultiVectorEncoder(str(write(folder / "multi" / name)), device="cpu")
            for role in ("query", "document"):
                vectors = getattr(model, f"encode_{role}")(TEXTS, convert_to_numpy=True)
                for i, one in enumerate(vectors):
                    found[f"multi.{name}.{role}.{i}"] = np.asarray(one, np.float32)
        for name, write in SCORERS.items():
            model = CrossEncoder(str(write(folder / "scores" / name)), device="cpu")
            found[f"scores.{name}"] = np.asarray(model.predict(PAIRS), np.float32).reshape(len(PAIRS), -1)
    np.savez_compressed(HERE / "outputs.npz", **found)


if __name__ == "__main__":
    main()
