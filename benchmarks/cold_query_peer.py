"""The least that a query with sentence-transformers takes: the peer's side of cold_query.py, which starts it.

    python cold_query_peer.py MODEL_FOLDER VECTORS.npy TEXTS.json QUERY

The vectors of all texts are there already; this loads the model, encodes the query and prints the best text.
"""

import json
import os
import sys

os.environ["HF_HUB_OFFLINE"] = "1"

import numpy as np
from sentence_transformers import SentenceTransformer

folder, vectors_file, texts_file, query = sys.argv[1:5]
model = SentenceTransformer(folder, device="cpu")
scores = np.load(vectors_file) @ model.encode([query])[0]
with open(texts_file, encoding="utf-8") as texts:  # noqa: PTH123 - nothing more than needed is imported here
    print(json.load(texts)[int(scores.argmax())])
