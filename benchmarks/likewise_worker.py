"""Encodes texts with likewise whenever told to; our side of encoding.py, which starts it.

    python likewise_worker.py PRECISION MODEL_FOLDER TEXTS.json VECTORS.npy

One pass to warm up, then a line of JSON; after that one pass and one line of JSON for each line on standard input.
"""

import json
import os
import sys
import time
from pathlib import Path

os.environ |= {"TOKENIZERS_PARALLELISM": "false", "OMP_NUM_THREADS": "1"}

import numpy as np

import likewise as lw


def main() -> None:
    precision, folder, texts_file, vectors_file = sys.argv[1:5]
    texts = json.loads(Path(texts_file).read_text(encoding="utf-8"))
    encoder = lw.load(folder, precision=precision)
    encoded = encoder.encode_counted(texts, role="document", overflow="truncate")
    np.save(vectors_file, encoded.vectors)
    lengths = np.quantile(encoded.tokens, (0, 0.25, 0.5, 0.75, 0.95, 1)).round().astype(int).tolist()
    print(json.dumps({"mean_tokens": float(encoded.tokens.mean()), "quantiles": lengths}), flush=True)
    for _ in sys.stdin:
        cpu, wall = time.process_time(), time.perf_counter()
        encoder.encode(texts, role="document", overflow="truncate")
        took = {"cpu_s": time.process_time() - cpu, "wall_s": time.perf_counter() - wall}
        print(json.dumps(took), flush=True)


if __name__ == "__main__":
    main()
