"""Associations of words in GloVe beside the published ones, and what debiasing a model costs.

    python benchmarks/bias.py --data DIR --vectors FOLDER

FOLDER holds word vectors, the more frequent word first: one .npy file (N, D), and the words, one a row, in a .txt file
or in the first column of a .parquet file (which needs pyarrow). Words are looked up in small letters, as GloVe's of six
billion tokens are.

The first table has WEAT 1 to 10. The published effects (Caliskan, Bryson and Narayanan 2017, table 1) are of GloVe of
840 billion tokens, 300 dimensions, with capitals. Where ours is off by more than --tolerance, the last columns say what
is known of why: "half width" is the mean effect over random halves of the dimensions, so where it is lower, fewer
dimensions lower the effect; "rare" counts target words beyond the first 50,000, whose vectors few texts made. Other
texts are Wikipedia and news agencies in place of the web, without capitals, so that Kenya the name is the country.

The second table has a model as it is and with each projection, fitted to sentences with the gendered words of
examples/bias and saved as part of the model: SEAT of three tests about gender, of which 6 has names that nothing was
fitted to while 7 and 8 share words with the list, and the rank correlation (Spearman) with the STS Benchmark, English
test set. `likewise bias` does as much for any tests, pairs and tasks.
"""

import argparse
from collections.abc import Iterator, Mapping
from pathlib import Path
from statistics import mean
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from labelled_sets import read_table
from numpy.typing import NDArray
from reporting import Row, parser, print_settings, print_table

import likewise as lw
from likewise.evaluating.agreement import spearman
from likewise.evaluating.bias import WordTest, read_word_pairs, read_word_tests, seat, weat
from likewise.evaluating.debiasing import METHODS, Projection, encode_pairs, hard_debias, save_debiased

PUBLISHED = {1: 1.50, 2: 1.53, 3: 1.41, 4: 1.50, 5: 1.28, 6: 1.81, 7: 1.06, 8: 1.24, 9: 1.38, 10: 1.21}
RARE = 50_000
HALVES = 10
PAIRS = Path(__file__).parent.parent / "examples" / "bias" / "gender.csv"


class SmallLetters(Mapping[str, NDArray[Any]]):
    """Word vectors, found whatever the capitals of a word."""

    def __init__(self, vectors: NDArray[Any], places: Mapping[str, int]) -> None:
        self._vectors, self._places = vectors, places

    def __getitem__(self, word: str) -> NDArray[Any]:
        return self._vectors[self._places[word.lower()]]

    def __contains__(self, word: object) -> bool:
        return str(word).lower() in self._places

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)


def main() -> None:
    arguments = _arguments()
    print_settings({"partitions": arguments.partitions, "seed": 0}, as_json=arguments.json)
    tests = {test.name: test for test in read_word_tests(arguments.data / "weat" / "tests.jsonl.gz")}
    name, vectors, places = _read_vectors(arguments.vectors)
    rows = [_association(tests[f"weat{i}"], i, vectors, places, arguments) for i in PUBLISHED]
    print_table(f"WEAT, {name}, {vectors.shape[1]} dimensions", rows, as_json=arguments.json)
    gendered = [tests[f"weat{i}"] for i in (6, 7, 8)]
    print_table(f"{arguments.model}, gender", list(_debiased(gendered, arguments)), as_json=arguments.json)


def _arguments() -> argparse.Namespace:
    options = parser(__doc__)
    options.add_argument("--data", type=Path, required=True, help="the folder of published sets")
    options.add_argument("--vectors", type=Path, required=True, help="the folder of word vectors")
    options.add_argument("--model", default="all-MiniLM-L6-v2", help="what is debiased")
    options.add_argument("--partitions", type=int, default=100_000)
    options.add_argument("--tolerance", type=float, default=0.25, help="by how much an effect may be off unremarked")
    return options.parse_args()


def _read_vectors(folder: Path) -> tuple[str, NDArray[Any], dict[str, int]]:
    """Name, vectors (N, D) and the place of each word."""
    file = next(folder.glob("*.npy"))
    vectors = np.load(file, mmap_mode="r")
    if listed := list(folder.glob("*.txt")):
        words = listed[0].read_text(encoding="utf-8").split("\n")[: len(vectors)]
    else:
        import pyarrow.parquet  # only this form of the list needs it

        words = pyarrow.parquet.read_table(next(folder.glob("*.parquet"))).column(0).to_pylist()
    return file.stem, vectors, {word: i for i, word in enumerate(words)}


def _association(
    test: WordTest, number: int, vectors: NDArray[Any], places: Mapping[str, int], arguments: argparse.Namespace
) -> Row:
    found = weat(test, SmallLetters(vectors, places), partitions=arguments.partitions)
    half = mean(_half_width(test, vectors, places))
    targets = [word.lower() for words in test.targets for word in words]
    off = found.effect - PUBLISHED[number]
    why = "" if abs(off) <= arguments.tolerance else "other texts" if off > 0 else "fewer dimensions, other texts"
    return {
        "test": test.name,
        "effect": round(found.effect, 2),
        "published": PUBLISHED[number],
        "p": float(f"{found.p_one_sided:.1g}"),
        "partitions": "all" if found.exact else "sampled",
        "missing": ", ".join(found.missing),
        "sign": "same" if found.effect * PUBLISHED[number] > 0 else "OTHER",
        "off_by": round(off, 2),
        "half_width": round(half, 2),
        "rare": f"{sum(places.get(word, RARE) >= RARE for word in targets)} of {len(targets)}",
        "why": why,
    }


def _half_width(test: WordTest, vectors: NDArray[Any], places: Mapping[str, int]) -> Iterator[float]:
    """Effects over random halves of the dimensions, of the words that are asked about alone."""
    words = {word.lower() for words in (*test.targets, *test.attributes) for word in words if word.lower() in places}
    some = vectors[[places[word] for word in sorted(words)]]
    found = {word: i for i, word in enumerate(sorted(words))}
    for seed in range(HALVES):
        kept = np.random.default_rng(seed).permutation(vectors.shape[1])[: vectors.shape[1] // 2]
        yield weat(test, SmallLetters(some[:, kept], found), partitions=1).effect


def _debiased(tests: list[WordTest], arguments: argparse.Namespace) -> Iterator[Row]:
    """A model, and what is left of bias and of quality under each projection."""
    table = list(read_table(arguments.data / "stsb" / "en_test.tsv.gz"))
    with TemporaryDirectory() as place:
        cache = Path(place) / "cache"
        original = lw.load(arguments.model, precision="float32", cache=cache)
        yield _measured("none", original, tests, table)
        for name, projection in _projections(original):
            save_debiased(arguments.model, projection, Path(place) / name)
            fair = lw.load(Path(place) / name, precision="float32", cache=cache)
            yield _measured(name, fair, tests, table)


def _projections(encoder: lw.Encoder) -> Iterator[tuple[str, Projection]]:
    first, second = encode_pairs(read_word_pairs(PAIRS), encoder)
    yield "hard, 1 direction", METHODS["hard"](first, second)
    yield "hard, 3 directions", hard_debias(first - second, dimensions=3)
    yield "INLP", METHODS["inlp"](first, second)
    yield "LEACE", METHODS["leace"](first, second)


def _measured(name: str, encoder: lw.Encoder, tests: list[WordTest], table: list[dict[str, str]]) -> Row:
    row: dict[str, str | int | float | bool] = {"projection": name}
    for test in tests:
        found = seat(test, encoder)
        row[f"SEAT {test.name[4:]}"] = round(found.effect, 2)
        row[f"p {test.name[4:]}"] = float(f"{found.p_value:.1g}")
    left, right = (
        encoder.encode([line[f"sentence{i}"] for line in table], role="document", overflow="truncate") for i in (1, 2)
    )
    cosines = (left * right).sum(axis=1)
    row["stsb_spearman"] = round(spearman(cosines, [float(line["score"]) for line in table]), 4)
    return row


if __name__ == "__main__":
    main()
