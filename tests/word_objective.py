"""What word2vec and fastText minimise, in numpy, and the text and settings by which gensim is compared with ours."""

from pathlib import Path

import numpy as np

HANDBOOK = Path(__file__).parent.parent / "examples" / "handbook"
SEEDS = (1, 2, 3)
WINDOW, NEGATIVES, EPOCHS = 5, 5, 20
MODELS = ("skipgram", "cbow", "fasttext")


def handbook() -> list[list[str]]:
    """The words of the example handbook, a line a sentence."""
    lines = [line for path in sorted(HANDBOOK.rglob("*.md")) for line in path.read_text().lower().splitlines()]
    return [line.split() for line in lines if line.split()]


def objective(sentences, words, vectors, outputs, *, together: bool) -> float:
    """The mean loss of foretelling a word by those around (arXiv:1310.4546, equation 4), negatives in expectation.

    Args:
        sentences: Lists of words.
        words: Of the rows.
        vectors: (V, D).
        outputs: (V, D).
        together: By the mean of the words around (CBOW), not by each of them.
    """
    places = {word: row for row, word in enumerate(words)}
    known = [[places[word] for word in sentence if word in places] for sentence in sentences]
    noise = np.bincount(np.concatenate(known).astype(int), minlength=len(words)) ** 0.75
    windows = [
        (centre, sentence[max(0, at - WINDOW) : at] + sentence[at + 1 : at + WINDOW + 1])
        for sentence in known
        for at, centre in enumerate(sentence)
        if len(sentence) > 1
    ]
    sizes = [len(around) for _, around in windows]
    centres = np.repeat([centre for centre, _ in windows], sizes)  # (P,): of each pair
    rows = np.concatenate([around for _, around in windows])
    hidden = vectors
    if together:
        hidden = np.array([vectors[around].mean(axis=0) for _, around in windows])
        rows = np.repeat(np.arange(len(windows)), sizes)
    drawn = np.logaddexp(0, hidden @ outputs.T) @ noise / noise.sum()
    scores = np.einsum("pd,pd->p", hidden[rows], outputs[centres])
    return float(np.average(np.logaddexp(0, -scores) + NEGATIVES * drawn[rows], weights=1 / np.repeat(sizes, sizes)))
