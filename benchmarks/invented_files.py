"""Folders of Markdown files with real sentences in an invented order, for the benchmarks that need many files."""

import random
from collections.abc import Sequence
from pathlib import Path

from labelled_sets import glosses, read_objects, titled

SENTENCES = Path(__file__).parent.parent / "tests" / "data" / "sentences.txt"
_FILES_IN_FOLDER = 100


def paragraphs(data: Path | None, *, seed: int) -> list[str]:
    """Passages and definitions of the published sets in ``data``; without it, sentences of the tests, six at a time."""
    chance = random.Random(seed)
    if data is None:
        sentences = SENTENCES.read_text(encoding="utf-8").splitlines()
        return [" ".join(chance.sample(sentences, 6)) for _ in range(3000)]
    lines = list(glosses(data))
    found = [titled(one) for one in read_objects(data / "msmarco_dl_sample" / "docs.jsonl.gz")]
    return found + [". ".join(chance.sample(lines, 4)) + "." for _ in range(5000)]


def write_files(folder: Path, pool: Sequence[str], *, files: int, seed: int) -> list[Path]:
    """Markdown files of a title and 2 to 6 paragraphs; the same arguments write the same bytes."""
    chance = random.Random(seed)
    written = []
    for number in range(files):
        path = folder / f"part-{number // _FILES_IN_FOLDER:03}" / f"note-{number:05}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        body = "\n\n".join(chance.sample(pool, chance.randint(2, 6)))
        path.write_text(f"# Note {number}\n\n{body}\n", encoding="utf-8")
        written.append(path)
    return written
