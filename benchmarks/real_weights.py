"""Published weights: float32 against sentence-transformers, int8 against float32, in vectors, task scores and speed.

    python benchmarks/real_weights.py --data DIR --dense all-MiniLM-L6-v2 FOLDER ... --sparse FOLDER

Needs sentence-transformers in the same environment, for the first of the two comparisons; without it that one is left
out. The cosine is that of 300 sentences of tests/data. The task score of a dense model is Spearman on the English test
pairs of STSb, that of a sparse one nDCG@10 on Cranfield by dot product (pip install pytrec-eval-terrier). Speed is CPU
time on one pinned core over the texts of STSb, float32 and int8 in turns, medians.

Where transformers would take a tokenizer.json apart and put it together again by its class's own rules, it is given the
file as it is: this compares networks.
"""

import argparse
import os
import statistics
import time
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from labelled_sets import read_retrieval_set, read_table
from numpy.typing import NDArray
from reporting import Row, at_least, at_most, parser, print_settings, print_table
from retrieval import MOST_LOST, spearman

import likewise as lw
from likewise.encoding.catalogue import find_known
from likewise.encoding.sparse import SparseVector, load_sparse

SENTENCES = Path(__file__).parent.parent / "tests" / "data" / "sentences.txt"
PRECISIONS = ("float32", "int8")
COSINE, FASTER = 0.99999, 2.0


def main() -> None:
    arguments = _arguments()
    os.environ["HF_HUB_OFFLINE"] = "1"
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    print_settings({"threads": 1, "repeats": arguments.repeats, "pairs": arguments.pairs}, as_json=arguments.json)
    table = list(read_table(arguments.data / "stsb" / "en_test.tsv.gz"))[: arguments.pairs]
    sentences = SENTENCES.read_text(encoding="utf-8").splitlines()[:300]
    for name in arguments.dense:
        encoders = {precision: lw.load(name, precision=precision) for precision in PRECISIONS}
        rows = [*_against_peer(_folder(name), encoders["float32"], sentences), *_dense(encoders, table, arguments)]
        print_table(name.rpartition("/")[2], rows, as_json=arguments.json)
    for name in arguments.sparse:
        print_table(name.rpartition("/")[2], _sparse(name, arguments, sentences), as_json=arguments.json)


def _arguments() -> argparse.Namespace:
    options = parser(__doc__)
    options.add_argument("--data", type=Path, required=True, help="the folder of published sets")
    options.add_argument("--dense", nargs="*", default=["all-MiniLM-L6-v2"], help="names or folders")
    options.add_argument("--sparse", nargs="*", default=[], help="folders of SPLADE models")
    options.add_argument("--pairs", type=int, help="the first so many pairs of STSb; all by default")
    options.add_argument("--repeats", type=int, default=3, help="timed passes of each precision")
    return options.parse_args()


def _folder(name: str) -> Path:
    known = find_known(name)
    return (known.folder() if known else None) or Path(name)


def _against_peer(folder: Path, encoder: lw.Encoder, sentences: list[str]) -> list[Row]:
    if find_spec("sentence_transformers") is None:
        return []
    from sentence_transformers import SentenceTransformer

    peer = _as_published(SentenceTransformer(str(folder), device="cpu", model_kwargs={"dtype": "float32"}), folder)
    theirs = peer.encode([encoder.contract.prompt("document") + one for one in sentences], prompt="")
    cosines = _cosines(encoder.encode(sentences, role="document", overflow="truncate"), theirs)
    row: Row = {"what": "cosine to sentence-transformers, float32: least", "float32": float(cosines.min())}
    return [{**row, **at_least(float(cosines.min()), COSINE)}]


def _as_published(peer: Any, folder: Path) -> Any:
    from transformers import PreTrainedTokenizerFast

    names = {f"{kind}_token": getattr(peer.tokenizer, f"{kind}_token") for kind in ("pad", "cls", "sep", "mask", "unk")}
    given = {name: token for name, token in names.items() if token}
    fast = PreTrainedTokenizerFast(
        tokenizer_file=str(folder / "tokenizer.json"), model_max_length=peer.max_seq_length, **given
    )
    peer[0].processor = fast
    return peer


def _cosines(left: NDArray[np.float32], right: NDArray[np.float32]) -> NDArray[np.float32]:
    lengths = np.linalg.norm(left, axis=1) * np.linalg.norm(right, axis=1)
    return (left * right).sum(axis=1) / lengths


def _dense(encoders: dict[str, lw.Encoder], table: list[dict[str, str]], arguments: argparse.Namespace) -> list[Row]:
    people = np.array([float(row["score"]) for row in table])
    sides = [[row[side] for row in table] for side in ("sentence1", "sentence2")]
    texts = sides[0] + sides[1]

    def encode(precision: str) -> NDArray[np.float32]:
        return encoders[precision].encode(texts, role="document", overflow="truncate")

    vectors, seconds = _timed(encode, arguments.repeats)
    count = len(table)
    scores = {
        precision: spearman(_cosines(found[:count], found[count:]), people) for precision, found in vectors.items()
    }
    cosines = _cosines(vectors["float32"], vectors["int8"])
    near: Row = {"what": "cosine of int8 to float32: mean", "int8": float(cosines.mean())}
    return [near, _kept("STSb test, Spearman", scores), _faster("texts per CPU second", seconds, len(texts))]


def _timed(encode: Callable[[str], Any], repeats: int) -> tuple[dict[str, Any], dict[str, float]]:
    """What both precisions give, and the median CPU seconds of each, in turns after a first pass."""
    found = {precision: encode(precision) for precision in PRECISIONS}
    times: dict[str, list[float]] = {precision: [] for precision in PRECISIONS}
    for _ in range(repeats):
        for precision in PRECISIONS:
            started = time.process_time()
            encode(precision)
            times[precision].append(time.process_time() - started)
    return found, {precision: statistics.median(one) for precision, one in times.items()}


def _kept(what: str, scores: dict[str, float]) -> Row:
    lost = 100 * (1 - scores["int8"] / scores["float32"])
    rounded = {precision: round(score, 4) for precision, score in scores.items()}
    return {"what": what, **rounded, "int8_loses_percent": round(lost, 2), **at_most(lost, MOST_LOST)}


def _faster(what: str, seconds: dict[str, float], texts: int) -> Row:
    ratio = round(seconds["float32"] / seconds["int8"], 2)
    speeds = {precision: round(texts / one, 1) for precision, one in seconds.items()}
    return {"what": what, **speeds, "times": ratio, **at_least(ratio, FASTER)}


def _sparse(name: str, arguments: argparse.Namespace, sentences: list[str]) -> list[Row]:
    import pytrec_eval

    encoders = {precision: load_sparse(name, precision=precision) for precision in PRECISIONS}
    one = read_retrieval_set(arguments.data, "cranfield")
    documents, queries = list(one.documents), list(one.queries)
    size = encoders["float32"].contract.dimension

    def encode(precision: str) -> list[SparseVector]:
        texts = list(one.documents.values())
        return encoders[precision].encode(texts, role="document", overflow="truncate")

    found, seconds = _timed(encode, arguments.repeats)
    scores = {}
    for precision, vectors in found.items():
        asked = encoders[precision].encode(list(one.queries.values()), role="query", overflow="truncate")
        products = _filled(asked, size) @ _filled(vectors, size).T  # (Q, N)
        run = {
            query: {documents[i]: float(row[i]) for i in np.argsort(-row, kind="stable")[:100]}
            for query, row in zip(queries, products, strict=True)
        }
        measured = pytrec_eval.RelevanceEvaluator(one.qrels, {"ndcg_cut.10"}).evaluate(run)
        scores[precision] = statistics.fmean(per["ndcg_cut_10"] for per in measured.values())
    rows = [_kept("Cranfield, nDCG@10", scores), _faster("texts per CPU second", seconds, len(documents))]
    return [*_sparse_against_peer(name, encoders["float32"], sentences), *rows]


def _sparse_against_peer(name: str, encoder: Any, sentences: list[str]) -> list[Row]:
    if find_spec("sentence_transformers") is None:
        return []
    from sentence_transformers import SparseEncoder

    theirs = (
        SparseEncoder(name, device="cpu", model_kwargs={"dtype": "float32"})
        .encode(sentences, convert_to_sparse_tensor=False)
        .numpy()
    )
    cosines = _cosines(_filled(encoder.encode(sentences, role="document"), theirs.shape[1]), theirs)
    row: Row = {"what": "cosine to sentence-transformers, float32: least", "float32": float(cosines.min())}
    return [{**row, **at_least(float(cosines.min()), COSINE)}]


def _filled(vectors: Sequence[SparseVector], size: int) -> NDArray[np.float32]:
    """Sparse vectors with their zeros: (N, V)."""
    made = np.zeros((len(vectors), size), np.float32)
    for row, vector in zip(made, vectors, strict=True):
        row[vector.terms] = vector.weights
    return made


if __name__ == "__main__":
    main()
