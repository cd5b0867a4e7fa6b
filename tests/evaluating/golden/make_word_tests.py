"""Writes what gensim's word tests give for made vectors: likeness of pairs, and analogies in two ways.

Run as ``python tests/evaluating/golden/make_word_tests.py`` where gensim is installed; ``test_word_tests.py`` reads it.
Some words of the tests have no vector, some are in upper case, and people's scores have ties.
"""

import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from gensim.models import KeyedVectors

KINDS, FORMS, DIMENSION = 12, 5, 8


def main() -> None:
    """Make words that differ by kind and form, and score them."""
    made = questions_and_vectors(np.random.default_rng(0))
    to = Path(__file__).parent / "word_tests.json"
    to.write_text(json.dumps(made | {"gensim": gensims(made)}) + "\n", encoding="utf-8")


def questions_and_vectors(random: np.random.Generator) -> dict[str, Any]:
    """Words in forms, such as k3f1; likeness of some pairs; questions, each two kinds in the same two forms."""
    kinds, forms = random.normal(size=(KINDS, DIMENSION)), random.normal(size=(FORMS, DIMENSION))
    noise = random.normal(size=(KINDS, FORMS, DIMENSION))
    vectors = (kinds[:, None] + 0.7 * forms[None] + 0.5 * noise).reshape(-1, DIMENSION).round(2)
    words = [f"k{kind}f{form}" for kind in range(KINDS) for form in range(FORMS)]
    pairs = [(*random.choice([*words, "rare"], 2, replace=False).tolist(), int(random.integers(11))) for _ in range(90)]
    questions = []
    for _ in range(200):
        (one, other), (first, second) = random.choice(KINDS + 1, 2, False), random.choice(FORMS, 2, False)
        question = [f"K{kind}f{form}" for kind in (one, other) for form in (first, second)]
        questions.append(question if len(questions) % 2 else [word.lower() for word in question])
    return {"words": words, "vectors": vectors.tolist(), "pairs": pairs, "questions": questions}


def gensims(made: dict[str, Any]) -> dict[str, float]:
    """Scores by gensim."""
    vectors = KeyedVectors(DIMENSION)
    vectors.add_vectors(made["words"], np.array(made["vectors"], np.float32))
    known = [words for words in map(_lower, made["questions"]) if all(word in vectors for word in words)]
    with tempfile.TemporaryDirectory() as folder:
        pairs, questions = Path(folder) / "pairs", Path(folder) / "questions"
        pairs.write_text("".join(f"{one}\t{other}\t{score}\n" for one, other, score in made["pairs"]))
        questions.write_text(": made\n" + "".join(" ".join(words) + "\n" for words in made["questions"]))
        return {
            "Spearman": float(vectors.evaluate_word_pairs(pairs)[1].statistic),
            "3CosAdd": vectors.evaluate_word_analogies(questions)[0],  # this one alone, whatever way is asked for
            "3CosMul": sum(
                vectors.most_similar_cosmul(positive=[b, c], negative=[a], topn=1)[0][0] == d for a, b, c, d in known
            )
            / len(known),
        }


def _lower(words: list[str]) -> list[str]:
    return [word.lower() for word in words]


if __name__ == "__main__":
    main()
