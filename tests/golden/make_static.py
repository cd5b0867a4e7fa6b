"""What model2vec and sentence-transformers give for the folders of ``tests/tiny_static.py``: writes static.npz.

python tests/golden/make_static.py, with both installed.
"""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from model2vec import StaticModel  # noqa: E402
from sentence_transformers import SentenceTransformer  # noqa: E402
from tiny_static import FORMS, TEXTS, write_model2vec, write_static  # noqa: E402

with TemporaryDirectory() as place:
    found = {
        form: StaticModel.from_pretrained(write_model2vec(Path(place) / form, form)).encode(TEXTS) for form in FORMS
    }
    for normalise in (True, False):
        folder = write_static(Path(place) / f"static-{normalise}", normalise=normalise)
        found[f"static-{normalise}"] = SentenceTransformer(str(folder), device="cpu").encode(TEXTS)
np.savez(HERE / "static.npz", **found)
