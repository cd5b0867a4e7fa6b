"""Packed vectors against exact float32: what is found, in how many bytes, in what time.

    python benchmarks/vector_precision.py --data DIR

Recall@10 is the share of the ten best documents by float32 vectors that are found: by packed vectors alone, and when
the best 10 * oversampling by them are scored again by finer ones, the float32 originals read from a memory-mapped file
or int8. Ranges for int8 and uint8 come from every second document, or from the calibration texts that come with the
package; queries have no part in them. The second table holds ways to choose ranges to each other, by int8 alone, with
the root of the mean squared error of a vector. The third is processor time for one query at a time, the median of all,
over --rows random vectors: what is found there says nothing, so only times are shown. OMP_NUM_THREADS=1 keeps numpy's
products on one core.
"""

import argparse
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from labelled_sets import RETRIEVAL_SETS, read_retrieval_set
from reporting import Row, at_least, parser, print_settings, print_table

import likewise as lw
from likewise.encoding.packed_search import Rankings, rescore, search, search_signs
from likewise.encoding.packing import PRECISIONS, RANGED, Packed, Packing, Precision, Ranges, fit_ranges, pack, unpack
from likewise.encoding.quantisation import calibration_texts
from likewise.types import Ids, Vectors

K = 10
OVERSAMPLINGS = (2, 4, 8)
_TIMED = 4  # the oversampling in the table of times
TARGET = 0.99  # int8 with rescoring
_SETS = ("cranfield", "cacm", "msmarco_dl_sample")

Search = Callable[[Vectors], Rankings]  # (Q, D) -> rankings


@dataclass(frozen=True, slots=True)
class Embedded:
    """A set as vectors, and the ten best documents of each query."""

    name: str
    documents: Vectors  # (N, D)
    queries: Vectors  # (Q, D)
    best: Ids  # (Q, 10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """A way to search: what the table says of it, and the search."""

    precision: str
    ranges: str  # where they come from
    rescored_by: str
    oversampling: int | str
    row_bytes: int  # of what every query reads
    run: Search


def main() -> None:
    arguments = _arguments()
    encoder = lw.load("all-MiniLM-L6-v2", precision="float32")
    calibration = encoder.encode(calibration_texts(), role="document", overflow="truncate")
    settings: Row = {"k": K, "calibration_texts": len(calibration), "timed_rows": arguments.rows, "seed": 0}
    print_settings(settings, as_json=arguments.json)
    for name in arguments.sets:
        one = _embedded(arguments.data, name, encoder)
        sizes = f"{len(one.documents)} documents, {len(one.queries)} queries"
        with TemporaryDirectory() as folder:
            originals = _on_disk(one.documents, Path(folder) / "originals.npy")
            ways = _ways(one.documents, originals, {"texts": calibration, "documents": one.documents[::2]})
            rows = [_quality(way, one) for way in ways]
        print_table(f"{name}: recall@10, {sizes}", rows, as_json=arguments.json)
        fits = [row for source, sample in _samples(one, calibration) for row in _fits(source, sample, one)]
        print_table(f"{name}: ways to choose ranges, int8 alone", fits, as_json=arguments.json)
    print_table(f"One query, {arguments.rows} rows", _times(arguments.rows, arguments.repeats), as_json=arguments.json)


def _arguments() -> argparse.Namespace:
    options = parser(__doc__)
    options.add_argument("--data", type=Path, required=True, help="the folder of published sets")
    options.add_argument("--sets", nargs="*", default=_SETS, choices=RETRIEVAL_SETS)
    options.add_argument("--rows", type=int, default=100_000, help="vectors in the table of times")
    options.add_argument("--repeats", type=int, default=50, help="queries in the table of times")
    return options.parse_args()


def _embedded(data: Path, name: str, encoder: lw.Encoder) -> Embedded:
    read = read_retrieval_set(data, name)
    documents = encoder.encode(list(read.documents.values()), role="document", overflow="truncate")
    queries = encoder.encode(list(read.queries.values()), role="query", overflow="truncate")
    return Embedded(name, documents, queries, search(queries, _packed(documents, "float32"), k=K).ids)


def _on_disk(vectors: Vectors, path: Path) -> Packed:
    np.save(path, vectors)
    return Packed(np.load(path, mmap_mode="r"), Packing(precision="float32", dimension=vectors.shape[1]))


def _packed(vectors: Vectors, precision: Precision, ranges: Ranges | None = None) -> Packed:
    return pack(vectors, Packing(precision=precision, dimension=vectors.shape[1], ranges=ranges))


def _ways(documents: Vectors, originals: Packed, samples: dict[str, Vectors]) -> Iterator[Way]:
    """Every precision alone and rescored, with ranges from each of the samples."""
    finest: dict[str, Packed] = {"float32": originals}
    for precision in PRECISIONS:
        sources = samples if precision in RANGED else {"": documents}
        for source, sample in sources.items():
            packed = _packed(documents, precision, fit_ranges(sample) if source else None)
            if precision == "int8" and source == "documents":
                finest["int8"] = packed
            yield Way(
                precision=precision,
                ranges=source,
                rescored_by="",
                oversampling="",
                row_bytes=packed.packing.row_bytes,
                run=lambda queries, packed=packed: search(queries, packed, k=K),
            )
            if precision in ("int8", "uint8"):
                yield from _rescored(precision, source, packed, {"float32": originals})
    binary = _packed(documents, "binary")
    yield from _rescored("binary", "", binary, finest)
    yield Way(
        precision="binary, signs of the query",
        ranges="",
        rescored_by="",
        oversampling="",
        row_bytes=binary.packing.row_bytes,
        run=lambda queries: search_signs(pack(queries, binary.packing), binary, k=K),
    )
    yield from _rescored("binary, signs of the query", "", binary, finest)


def _rescored(precision: str, source: str, coarse: Packed, finest: dict[str, Packed]) -> Iterator[Way]:
    for name, fine in finest.items():
        for times in OVERSAMPLINGS:
            yield Way(
                precision=precision,
                ranges=source,
                rescored_by=name,
                oversampling=times,
                row_bytes=coarse.packing.row_bytes,
                run=_rescoring(coarse, fine, times, signs="signs" in precision),
            )


def _rescoring(coarse: Packed, fine: Packed, times: int, *, signs: bool) -> Search:
    def by_codes(queries: Vectors) -> Rankings:
        return rescore(queries, search(queries, coarse, k=K * times).ids, fine, k=K)

    def by_signs(queries: Vectors) -> Rankings:
        found = search_signs(pack(queries, coarse.packing), coarse, k=K * times)
        return rescore(queries, found.ids, fine, k=K)

    return by_signs if signs else by_codes


def _quality(way: Way, one: Embedded) -> Row:
    found = _recall(way.run(one.queries).ids, one.best)
    judged = at_least(found, TARGET) if way.precision in RANGED and way.rescored_by else {}
    return {**_described(way), "recall": round(found, 4), **judged}


def _described(way: Way) -> Row:
    return {
        "precision": way.precision,
        "ranges": way.ranges,
        "rescored_by": way.rescored_by,
        "oversampling": way.oversampling,
        "bytes": way.row_bytes,
    }


def _recall(found: Ids, best: Ids) -> float:
    hits = [len(set(one.tolist()) & set(other.tolist())) for one, other in zip(found, best, strict=True)]
    return sum(hits) / best.size


def _samples(one: Embedded, calibration: Vectors) -> Iterator[tuple[str, Vectors]]:
    yield "texts", calibration
    yield "documents", one.documents[::2]
    yield "first 50 documents", one.documents[:50]


def _fits(source: str, sample: Vectors, one: Embedded) -> Iterator[Row]:
    """Each way to choose ranges, tried on one sample."""
    for name, ranges in _choices(sample):
        packed = _packed(one.documents, "int8", ranges)
        errors = unpack(packed) - one.documents
        yield {
            "from": source,
            "ranges": name,
            "recall": round(_recall(search(one.queries, packed, k=K).ids, one.best), 4),
            "error": round(float(np.sqrt((errors**2).sum(axis=1).mean())), 4),
            "clipped_percent": round(100 * float(_outside(one.documents, ranges).mean()), 3),
        }


def _choices(sample: Vectors) -> Iterator[tuple[str, Ranges]]:
    least, greatest = sample.min(axis=0), sample.max(axis=0)
    yield "least to greatest", Ranges(least, greatest)
    for tail in (0.001, 0.01):
        low, high = np.quantile(sample, [tail, 1 - tail], axis=0).astype(np.float32)
        yield f"quantiles {tail:.1%} and {1 - tail:.1%}", Ranges(low, high)
    mean, deviation = sample.mean(axis=0), sample.std(axis=0)
    for spread in (3.0, 3.5, 4.0, 4.5, 5.0):
        low, high = np.minimum(least, mean - spread * deviation), np.maximum(greatest, mean + spread * deviation)
        yield f"as the first, and {spread} deviations", Ranges(low, high)
    yield "fit_ranges", fit_ranges(sample)


def _outside(vectors: Vectors, ranges: Ranges) -> np.ndarray:
    return (vectors < ranges.low) | (vectors > ranges.high)


def _times(rows: int, repeats: int) -> list[Row]:
    """One query at a time over random vectors, against numpy's product with float32."""
    chance = np.random.default_rng(0)
    vectors = chance.standard_normal((rows, 384), dtype=np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    queries = vectors[:repeats] + 0.05 * chance.standard_normal((repeats, 384), dtype=np.float32)
    plain = _median_ms(lambda query: np.argpartition(-(vectors @ query[0]), K)[:K], queries)
    table: list[Row] = [{"precision": "numpy, float32", "bytes": 4 * 384, "cpu_ms": round(plain, 2), "speed": 1.0}]
    with TemporaryDirectory() as folder:
        for way in _ways(vectors, _on_disk(vectors, Path(folder) / "originals.npy"), {"documents": vectors[::2]}):
            if way.oversampling not in ("", _TIMED):
                continue
            ms = _median_ms(way.run, queries)
            table.append({**_described(way), "cpu_ms": round(ms, 2), "speed": round(plain / ms, 2)})
    return table


def _median_ms(run: Callable[[Vectors], object], queries: Vectors) -> float:
    taken = []
    for row in range(len(queries)):
        started = time.process_time()
        run(queries[row : row + 1])
        taken.append(1000 * (time.process_time() - started))
    return statistics.median(taken)


if __name__ == "__main__":
    main()
