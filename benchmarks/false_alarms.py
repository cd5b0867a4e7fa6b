"""How often the gate and the test for drift speak up, with reason and without.

    python benchmarks/false_alarms.py --data DIR --other MODEL

The gate: nDCG@10 of 200 queries of Cranfield, drawn anew each time. A candidate is the model with noise added to all
vectors: as much as costs it 0.03 over these queries, found by halving; or a little that both baseline and candidate
have, each its own, as when the same model is measured twice with something random in between. 95 of 100 of the latter
must pass.

Drift: two samples of 200 queries each of Banking77, from one shuffled pool, where at most 5 of 100 may be called
different; with a share of the second sample exchanged for posts of another kind (emotion); and the second sample by
another model of the same width, if --other names one.
"""

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from labelled_sets import read_retrieval_set, read_table
from reporting import Row, at_least, at_most, parser, print_settings, print_table

import likewise as lw
from likewise.encoding.contract import CANARIES
from likewise.evaluating.drift import compare_canaries, drift
from likewise.evaluating.ranking import ndcg
from likewise.evaluating.significance import falls, paired_test
from likewise.types import Vectors

FALL, NEAR = 0.03, 0.0005  # what is planted, and how exactly
MOST, LITTLE = 2.0, 0.2  # length of the noise for a vector of length 1
HALVINGS = 20
QUERIES, SAMPLE = 200, 200
SHARES = (0.05, 0.1, 0.2)


def main() -> None:
    arguments = _arguments()
    print_settings({"times": arguments.times, "queries": QUERIES, "sample": SAMPLE}, as_json=arguments.json)
    encoder = lw.load("all-MiniLM-L6-v2")
    print_table("Gate, Cranfield nDCG@10", _gate(encoder, arguments), as_json=arguments.json)
    print_table("Drift, Banking77", list(_drifts(encoder, arguments)), as_json=arguments.json)


def _arguments() -> argparse.Namespace:
    options = parser(__doc__)
    options.add_argument("--data", type=Path, required=True, help="the folder of published sets")
    options.add_argument("--other", help="another model, of 384 dimensions")
    options.add_argument("--times", type=int, default=100)
    return options.parse_args()


def _gate(encoder: lw.Encoder, arguments: argparse.Namespace) -> list[Row]:
    read = read_retrieval_set(arguments.data, "cranfield")
    documents = encoder.encode(list(read.documents.values()), role="document", overflow="truncate")
    queries = encoder.encode(list(read.queries.values()), role="query", overflow="truncate")
    ids = list(read.documents)

    def measured(noise: float, seed: int) -> np.ndarray:
        random = np.random.default_rng(seed)
        scores = _noisy(queries, noise, random) @ _noisy(documents, noise, random).T
        run = {
            query: {ids[i]: float(row[i]) for i in np.argpartition(-row, 20)[:20]}
            for query, row in zip(read.queries, scores, strict=True)
        }
        judged = {query: read.qrels[query] for query in read.queries}
        return np.array(list(ndcg(run, judged, k=10).values()))

    plain = measured(0, 0)
    stopped, passed, fallen, changes = 0, 0, [], []
    for seed in range(arguments.times):
        kept = np.random.default_rng(seed).permutation(len(plain))[:QUERIES]
        worse = _fallen(plain[kept], lambda noise, seed=seed, kept=kept: measured(noise, 1000 + seed)[kept])
        same = [measured(LITTLE, 2 * seed + turn)[kept] for turn in (0, 1)]
        stopped += bool(falls({"cranfield": paired_test(plain[kept], worse, seed=seed)}))
        passed += not falls({"cranfield": paired_test(same[0], same[1], seed=seed)})
        fallen.append((plain[kept] - worse).mean())
        changes.append((same[1] - same[0]).std())
    stopped, passed = (count * 100 // arguments.times for count in (stopped, passed))
    return [
        {"candidate": f"lower by {min(fallen):.4f} to {max(fallen):.4f}", "stopped_of_100": stopped},
        {"candidate": f"same, deviation {np.mean(changes):.3f}", "passed_of_100": passed, **at_least(passed, 95)},
    ]


def _fallen(plain: np.ndarray, measured: Callable[[float], np.ndarray]) -> np.ndarray:
    """The values of a candidate whose noise costs what is planted: more noise costs more, but for chance."""
    least, most = 0.0, MOST
    for _ in range(HALVINGS):
        noise = (least + most) / 2
        worse = measured(noise)
        fall = (plain - worse).mean()
        if abs(fall - FALL) <= NEAR:
            break
        least, most = (noise, most) if fall < FALL else (least, noise)
    return worse


def _noisy(vectors: Vectors, noise: float, random: np.random.Generator) -> Vectors:
    moved = vectors + noise / np.sqrt(vectors.shape[1]) * random.standard_normal(vectors.shape, np.float32)
    return moved / np.linalg.norm(moved, axis=1, keepdims=True)


def _drifts(encoder: lw.Encoder, arguments: argparse.Namespace) -> Iterator[Row]:
    texts, posts = (
        [row["text"] for row in read_table(arguments.data / name / "test.tsv.gz")] for name in ("banking77", "emotion")
    )
    pool, foreign = (encoder.encode(some, role="query", overflow="truncate") for some in (texts, posts))
    alarms = sum(drift(*_samples(pool, seed), seed=seed).drifted for seed in range(arguments.times))
    found = alarms * 100 / arguments.times
    yield {"second sample": "of the same pool", "alarms_of_100": found, **at_most(found, 5)}
    for share in SHARES:
        alarms = 0
        for seed in range(arguments.times):
            before, after = _samples(pool, seed)
            count = int(share * SAMPLE)
            after[:count] = foreign[np.random.default_rng(seed).permutation(len(foreign))[:count]]
            alarms += drift(before, after, seed=seed).drifted
        yield {"second sample": f"{share:.0%} of another kind", "alarms_of_100": alarms * 100 / arguments.times}
    if arguments.other:
        other = lw.load(arguments.other)
        swapped = other.encode(texts, role="query", overflow="truncate")
        alarms = 0
        for seed in range(arguments.times):
            alarms += drift(_samples(pool, seed)[0], _samples(swapped, seed)[1], seed=seed).drifted
        canaries = [one.encode(CANARIES, role="query", overflow="chunk") for one in (encoder, other)]
        verdict = compare_canaries(*canaries, precision="int8").verdict
        yield {"second sample": f"by another model ({verdict})", "alarms_of_100": alarms * 100 / arguments.times}


def _samples(pool: Vectors, seed: int) -> tuple[Vectors, Vectors]:
    order = np.random.default_rng(1000 + seed).permutation(len(pool))
    return pool[order[:SAMPLE]], pool[order[SAMPLE : 2 * SAMPLE]]


if __name__ == "__main__":
    main()
