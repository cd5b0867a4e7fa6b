"""Published GloVe vectors through our files and questions: analogies, similarity, sizes and seconds of each format.

    python benchmarks/word_vectors.py --data DIR --glove FOLDER
    python benchmarks/word_vectors.py --data DIR --corpus FILE --models glove pmi skipgram --epochs 25
    python benchmarks/word_vectors.py --data DIR --large 1500000

FOLDER holds GloVe 6B of 50 dimensions (a .npy of vectors and a parquet index of words, which needs
pyarrow); DIR holds word_analogies/ and word_similarity/. The first 100,000 words count, in lower case. The second
trains models on one corpus, in lower case, and scores each; fastText also by how often the nearest word to one with a
misspelling that it never saw is the right one, or one of the ten nearest. The third writes so many vectors of 300
numbers, and asks for neighbours with how much memory of its own the process then holds.
"""

import argparse
import random
import string
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from likewise.corpora import Corpus
from likewise.evaluating.word_tests import METHODS, analogy_scores, read_pairs, read_questions, similarity_score
from likewise.registry import require
from likewise.words.asking import nearest, similar
from likewise.words.files import FORMATS, read_vectors, write_vectors
from likewise.words.training import TrainingSettings, train
from likewise.words.vectors import WordVectors
from likewise.words.vocabulary import Words

_WORDS = 100_000


def published(folder: Path) -> WordVectors:
    """The vectors of the wheel, in the order of its index."""
    (table,) = folder.rglob("*.parquet")
    (matrix,) = folder.rglob("*.npy")
    parquet = require("pyarrow.parquet", feature="reading the wheel's index", extra="oracle")
    columns = parquet.read_table(table).to_pydict()
    words = next(column for column in columns.values() if isinstance(column[0], str))
    rows = next((column for column in columns.values() if isinstance(column[0], int)), range(len(words)))
    vectors = np.load(matrix, mmap_mode="r")
    order = np.argsort(np.array(rows), kind="stable")[:_WORDS]
    chosen = np.array(rows)[order]
    return WordVectors(words=[words[at] for at in order], vectors=vectors[chosen].astype(np.float32))


def score(vectors: WordVectors, data: Path, *, sections: bool = True) -> None:
    """Print what the vectors score."""
    start = time.perf_counter()
    questions = read_questions(data / "word_analogies" / "questions_words.tsv.gz")
    found = analogy_scores(vectors, questions, test="analogies", spelling=str.lower)
    for one in found if sections else found[: len(METHODS)]:
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


def trained(corpus: Path, data: Path, models: Sequence[str], settings: TrainingSettings) -> None:
    """Print what each model scores after training on one corpus."""
    for model in models:
        start = time.perf_counter()
        vectors = train(Words(Corpus([corpus]), lowercase=True), model, settings=settings)
        assert isinstance(vectors, WordVectors)
        print(f"\n{model}: {len(vectors)} words in {time.perf_counter() - start:.0f} s, {settings}")
        score(vectors, data, sections=False)
        if vectors.subwords:
            misspelt(vectors)


def misspelt(vectors: WordVectors) -> None:
    """Print how often a word with one letter changed, left out, put in or swapped is nearest to what it was."""
    chance = random.Random(0)
    common = [word for word in vectors.words[:5000] if len(word) > 4 and word.isalpha()]
    edited = {word: edit(word, chance) for word in chance.sample(common, 1000)}
    unseen = {word: other for word, other in edited.items() if other not in vectors}
    found = nearest(vectors, vectors.look_up(list(unseen.values())), k=10)
    first = sum(near[0].word == word for word, near in zip(unseen, found, strict=True))
    ten = sum(any(one.word == word for one in near) for word, near in zip(unseen, found, strict=True))
    print(f"{len(unseen)} misspelt words: nearest {first / len(unseen):.3f}, among ten {ten / len(unseen):.3f}")


def edit(word: str, chance: random.Random) -> str:
    """A word with one edit."""
    place, letter = chance.randrange(len(word) - 1), chance.choice(string.ascii_lowercase)
    return chance.choice(
        [
            word[:place] + letter + word[place + 1 :],
            word[:place] + word[place + 1 :],
            word[:place] + letter + word[place:],
            word[:place] + word[place + 1] + word[place] + word[place + 2 :],
        ]
    )


def large(rows: int) -> None:
    """Print the seconds and the memory of asking vectors that are mapped."""
    with tempfile.TemporaryDirectory() as folder:
        path, lines = Path(folder) / "large.bin", np.random.default_rng(0).normal(size=(1000, 300)).astype("<f4")
        with path.open("wb") as file:
            file.write(f"{rows} 300\n".encode())
            for row in range(rows):
                file.write(f"w{row} ".encode() + lines[row % 1000].tobytes())
        start = time.perf_counter()
        write_vectors(read_vectors(path), Path(folder) / "folder")
        path.unlink()
        print(f"{rows} vectors of 300 made a folder in {time.perf_counter() - start:.1f} s; {_own_megabytes()} MB held")
        start = time.perf_counter()
        vectors = read_vectors(Path(folder) / "folder")
        print(f"opened in {time.perf_counter() - start:.1f} s; {_own_megabytes()} MB held")
        start = time.perf_counter()
        similar(vectors, "w7")
        print(f"searched in {time.perf_counter() - start:.1f} s; {_own_megabytes()} MB held")


def _own_megabytes() -> int:
    """Memory that belongs to this process alone, mapped files aside."""
    status = Path("/proc/self/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("RssAnon")).split()[1]) // 1024


def main() -> None:
    """Read the arguments and print everything."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--glove", type=Path)
    parser.add_argument("--corpus", type=Path)
    parser.add_argument("--models", nargs="+", default=["glove", "pmi", "skipgram"])
    parser.add_argument("--epochs", type=int, default=25)
    parser.add_argument("--window", type=int, default=5)
    parser.add_argument("--large", type=int)
    arguments = parser.parse_args()
    if arguments.glove:
        vectors = published(arguments.glove)
        score(vectors, arguments.data)
        files(vectors)
        start = time.perf_counter()
        found = similar(vectors, "frog")
        print(
            f"nearest to frog in {1000 * (time.perf_counter() - start):.0f} ms: {', '.join(one.word for one in found)}"
        )
    if arguments.corpus:
        settings = TrainingSettings(epochs=arguments.epochs, window=arguments.window)
        trained(arguments.corpus, arguments.data, arguments.models, settings)
    if arguments.large:
        large(arguments.large)


if __name__ == "__main__":
    main()
