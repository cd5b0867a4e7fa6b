"""Training of word and document vectors against gensim: words per second in turns on the same cores, and quality.

    python benchmarks/words.py --data DIR                       # speed, one thread
    python benchmarks/words.py --data DIR --threads 2
    python benchmarks/words.py --data DIR --quality --epochs 5  # scores of three seeds each; --rate for others
    python benchmarks/words.py --data DIR --memory 5            # gigabytes of text as one stream, memory by the way

Both sides get the same words of text_corpus/corpus_open, lower-cased and cut at white space, and the same settings
(100 dimensions, window 5, 5 negatives, least count 5, subsampling 1e-3, learning rates from RATES down to 1e-4).
Counting is left out of the time. gensim's are in memory as lists; ours are cut again. Words per second are all words of
the corpus, as gensim counts them. Processor time is beside wall time, for hosts are shared; it counts all threads.
"""

import argparse
import resource
import statistics
import time
from collections.abc import Iterator
from itertools import chain, repeat
from pathlib import Path

import numpy as np
from gensim.models import Doc2Vec, FastText, Word2Vec
from gensim.models.doc2vec import TaggedDocument

from likewise.corpora import Corpus
from likewise.evaluating.word_tests import analogy_scores, read_pairs, read_questions, similarity_score
from likewise.words.training import Progress, TrainingSettings, train
from likewise.words.vectors import WordVectors
from likewise.words.vocabulary import Words

CORPUS = "text_corpus/corpus_open.txt.gz"
RATES = {"skipgram": 0.025, "cbow": 0.05, "fasttext": 0.05, "dbow": 0.025, "dm": 0.025}  # as each program's own default


def ours(sentences, model: str, *, rate: float, epochs: int, threads: int, seed: int) -> tuple[object, float, float]:
    """Train; gives the vectors, and words per second of wall and of processor from the first block on."""
    seen: list[tuple[int, float, float]] = []

    def told(progress: Progress) -> None:
        if progress.total:
            seen.append((progress.words, time.perf_counter(), time.process_time()))

    name = "doc2vec" if model in ("dbow", "dm") else model
    form = model if name == "doc2vec" else "dbow"
    settings = TrainingSettings(learning_rate=rate, epochs=epochs, threads=threads, seed=seed, documents=form)
    found = train(sentences, name, settings=settings, progress=told)
    words, wall, cpu = np.subtract(seen[-1], seen[0])
    return found, words / wall, words / cpu


def gensims(sentences: list[list[str]], model: str, *, rate: float, epochs: int, threads: int, seed: int):
    """As ``ours``, by gensim."""
    options = {"vector_size": 100, "window": 5, "negative": 5, "min_count": 5, "sample": 1e-3, "seed": seed}
    options |= {"workers": threads, "alpha": rate, "min_alpha": 1e-4}
    if model in ("dbow", "dm"):
        made = Doc2Vec(dm=int(model == "dm"), **options)
        texts = [TaggedDocument(words, [number]) for number, words in enumerate(sentences)]
    else:
        kind = FastText if model == "fasttext" else Word2Vec
        made, texts = kind(sg=int(model != "cbow"), **options), sentences
    made.build_vocab(texts)
    wall, cpu = time.perf_counter(), time.process_time()
    made.train(texts, total_examples=made.corpus_count, epochs=epochs)
    words = epochs * sum(map(len, sentences))  # all of the corpus, as gensim's own reports count
    return made, words / (time.perf_counter() - wall), words / (time.process_time() - cpu)


def speed(data: Path, models: list[str], *, threads: int, rounds: int, share: float) -> None:
    """Both in turns, so that what else the machine does meets both."""
    lines = [line.lower() for line in Corpus([data / CORPUS])]
    lines = lines[: int(len(lines) * share)]
    lists = [line.split() for line in lines]
    words = sum(map(len, lists))
    print(f"{words} words, {threads} threads, {rounds} rounds; medians of thousand words per second")
    print("| model | gensim | likewise | ratio | gensim, processor | likewise, processor | ratio |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for model in models:
        ours(Words(lines[:2000]), model, rate=RATES[model], epochs=1, threads=threads, seed=0)  # compiles
        rows = []
        for seed in range(rounds):
            options = {"rate": RATES[model], "epochs": 1, "threads": threads, "seed": seed}
            rows.append([*gensims(lists, model, **options)[1:], *ours(Words(lines), model, **options)[1:]])
        speeds = np.array(rows)  # (R, 4): by wall and by processor, theirs and ours
        peer, peer_cpu, own, own_cpu = np.median(speeds, axis=0) / 1000
        ratios = np.median(speeds[:, 2] / speeds[:, 0]), np.median(speeds[:, 3] / speeds[:, 1])
        cells = f"{peer:.0f} | {own:.0f} | {ratios[0]:.2f}× | {peer_cpu:.0f} | {own_cpu:.0f} | {ratios[1]:.2f}×"
        print(f"| {model} | {cells} |", flush=True)


def quality(data: Path, models: list[str], *, rate: float | None, epochs: int, seeds: int) -> None:
    """Scores of several seeds: mean and standard error."""
    lists = list(Words(Corpus([data / CORPUS]), lowercase=True))
    print("| model | by | WS-353 | MTurk-287 | analogies (3CosAdd) |")
    print("| --- | --- | --- | --- | --- |")
    for model in models:
        for name, maker in (("gensim", gensims), ("likewise", ours)):
            rows = []
            for seed in range(1, seeds + 1):
                made = maker(lists, model, rate=rate or RATES[model], epochs=epochs, threads=1, seed=seed)[0]
                words, vectors = (
                    (made.words, made.vectors)
                    if isinstance(made, WordVectors)
                    else (made.wv.index_to_key, made.wv.vectors)
                )
                rows.append(scores(WordVectors(words=words, vectors=vectors), data))  # both by whole words alone
            cells = [
                f"{statistics.mean(of):.4f} ± {statistics.stdev(of) / len(of) ** 0.5:.4f}"
                for of in zip(*rows, strict=True)
            ]
            print(f"| {model} | {name} | {' | '.join(cells)} |", flush=True)


def scores(vectors: WordVectors, data: Path) -> tuple[float, ...]:
    folder = data / "word_similarity"
    pairs = [read_pairs(folder / f"{name}.tsv.gz") for name in ("en-ws-353-all", "en-mturk-287")]
    questions = read_questions(data / "word_analogies/questions_words.tsv.gz")
    alike = [similarity_score(vectors, one, test="pairs", spelling=str.lower).score for one in pairs]
    return (*alike, analogy_scores(vectors, questions, test="analogies", spelling=str.lower)[0].score)


class Stream:
    """The corpus again and again, until there were so many gigabytes; tells how much memory is in use by the way."""

    def __init__(self, path: Path, gigabytes: float) -> None:
        self._path, self._most = path, gigabytes * 1e9

    def __iter__(self) -> Iterator[str]:
        read, shown = 0, 0.0
        for line in chain.from_iterable(Corpus([self._path]) for _ in repeat(None)):
            read += len(line) + 1
            if read > self._most:
                return
            if read - shown > self._most / 50:
                shown = read
                pages = int(Path("/proc/self/statm").read_text().split()[1])
                print(f"| {read / 1e9:.3f} | {pages * resource.getpagesize() / 1e6:.0f} |", flush=True)
            yield line


def memory(data: Path, gigabytes: float) -> None:
    print("| gigabytes read | resident megabytes |\n| --- | --- |")
    stream = Words(Stream(data / CORPUS, gigabytes), lowercase=True)
    train(stream, "cbow", settings=TrainingSettings())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--models", nargs="+", choices=RATES, default=list(RATES))
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--share", type=float, default=1.0, help="of the corpus, for a quicker look at speed")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--rate", type=float, help="of learning, instead of those of RATES, for --quality")
    parser.add_argument("--quality", action="store_true")
    parser.add_argument("--memory", type=float, metavar="GIGABYTES")
    asked = parser.parse_args()
    if asked.memory:
        memory(asked.data, asked.memory)
    elif asked.quality:
        words = [model for model in asked.models if model not in ("dbow", "dm")]
        quality(asked.data, words, rate=asked.rate, epochs=asked.epochs, seeds=asked.seeds)
    else:
        speed(asked.data, asked.models, threads=asked.threads, rounds=asked.rounds, share=asked.share)


if __name__ == "__main__":
    main()
