"""Encodes texts with sentence-transformers whenever told to; the peer's side of encoding.py, which starts it.

    python sentence_transformers_worker.py BACKEND MODEL_FOLDER TEXTS.json VECTORS.npy

Needs sentence-transformers and nothing of likewise. BACKEND is torch, openvino, openvino-f32, openvino-int8 or onnx.
One pass to warm up, then a line of JSON; after that one pass and one line of JSON for each line on standard input.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

os.environ |= {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false", "OMP_NUM_THREADS": "1"}

import numpy as np
import torch
from sentence_transformers import SentenceTransformer, export_static_quantized_openvino_model

_ONE_THREAD = {"INFERENCE_NUM_THREADS": 1}
_INT8_FILE = "openvino/openvino_model_qint8_quantized.xml"
_CALIBRATION_TEXTS = 300


def main() -> None:
    torch.set_num_threads(1)
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # the libraries print what they do
    backend, folder, texts_file, vectors_file = sys.argv[1:5]
    texts = json.loads(Path(texts_file).read_text(encoding="utf-8"))
    model = _BACKENDS[backend](folder, texts)
    vectors = model.encode(texts, batch_size=32, show_progress_bar=False)
    np.save(vectors_file, vectors)
    print(
        json.dumps({"version": version("sentence-transformers"), "torch": torch.__version__}), file=answers, flush=True
    )
    for _ in sys.stdin:
        cpu, wall = time.process_time(), time.perf_counter()
        model.encode(texts, batch_size=32, show_progress_bar=False)
        took = {"cpu_s": time.process_time() - cpu, "wall_s": time.perf_counter() - wall}
        print(json.dumps(took), file=answers, flush=True)


def _torch(folder: str, _texts: list[str]) -> SentenceTransformer:
    return SentenceTransformer(folder, device="cpu")


def _onnx(folder: str, _texts: list[str]) -> SentenceTransformer:
    return SentenceTransformer(folder, device="cpu", backend="onnx", model_kwargs={"export": True})


def _openvino(folder: str, _texts: list[str]) -> SentenceTransformer:
    return _open(folder, ov_config=_ONE_THREAD)


def _openvino_f32(folder: str, _texts: list[str]) -> SentenceTransformer:
    return _open(folder, ov_config={**_ONE_THREAD, "INFERENCE_PRECISION_HINT": "f32"})


def _openvino_int8(folder: str, texts: list[str]) -> SentenceTransformer:
    """Its static int8, calibrated on some of the texts themselves, which flatters it if anything."""
    target = Path(mkdtemp()) / "model"
    calibration = Path(mkdtemp())
    rows = [json.dumps({"sentence": text}) for text in texts[:: max(1, len(texts) // _CALIBRATION_TEXTS)]]
    (calibration / "train.jsonl").write_text("\n".join(rows), encoding="utf-8")
    model = _open(folder, ov_config=_ONE_THREAD)
    model.save_pretrained(str(target))
    export_static_quantized_openvino_model(
        model,
        None,
        str(target),
        dataset_name=str(calibration),
        dataset_config_name="default",
        dataset_split="train",
        column_name="sentence",
    )
    return _open(str(target), ov_config=_ONE_THREAD, file_name=_INT8_FILE)


def _open(folder: str, **model_kwargs: Any) -> SentenceTransformer:
    return SentenceTransformer(folder, device="cpu", backend="openvino", model_kwargs=model_kwargs)


_BACKENDS: dict[str, Callable[[str, list[str]], SentenceTransformer]] = {
    "torch": _torch,
    "openvino": _openvino,
    "openvino-f32": _openvino_f32,
    "openvino-int8": _openvino_int8,
    "onnx": _onnx,
}

if __name__ == "__main__":
    main()
