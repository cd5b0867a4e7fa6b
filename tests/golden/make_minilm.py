"""Write sentences_minilm.npy: what sentence-transformers gives for the first lines of tests/data/sentences.txt.

Run it with a Python that has torch and sentence-transformers, naming the folder of the published weights:

    python tests/golden/make_minilm.py MODEL_FOLDER
"""

import sys
from pathlib import Path

import numpy as np
from sentence_transformers import SentenceTransformer

HERE = Path(__file__).parent
LINES = 64


def main() -> None:
    lines = (HERE.parent / "data" / "sentences.txt").read_text(encoding="utf-8").splitlines()[:LINES]
    model = SentenceTransformer(sys.argv[1], device="cpu")
    np.save(HERE / "sentences_minilm.npy", model.encode(lines, batch_size=8).astype(np.float32))


if __name__ == "__main__":
    main()
