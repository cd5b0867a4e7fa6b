"""Whether a text gets the same vector alone and in any batch.

    python benchmarks/batch_invariance.py

Each of some sentences is encoded alone, and again among neighbours: of its own length, all shorter, all longer, mixed
and shuffled, in the first and in the last place, and in batches of many sizes. The table has the least cosine and the
greatest difference of any component, over all texts and neighbourhoods of a kind.
"""

import argparse
import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from reporting import Row, at_least, parser, print_settings, print_table

import likewise as lw

SENTENCES = Path(__file__).parent.parent / "tests" / "data" / "sentences.txt"
LEAST_COSINE = 0.9999  # float32; int8 is reported
_SIZES = (2, 7, 32, 100)


def main() -> None:
    arguments = _arguments()
    print_settings({"texts": arguments.texts, "seed": arguments.seed}, as_json=arguments.json)
    for precision in ("float32", "int8"):
        rows = _rows(lw.load("all-MiniLM-L6-v2", precision=precision), precision, arguments)
        print_table(f"Alone against in a batch, {precision}", rows, as_json=arguments.json)


def _arguments() -> argparse.Namespace:
    options = parser(__doc__)
    options.add_argument("--texts", type=int, default=60)
    options.add_argument("--seed", type=int, default=0)
    return options.parse_args()


def _rows(encoder: lw.Encoder, precision: str, arguments: argparse.Namespace) -> list[Row]:
    sentences = SENTENCES.read_text(encoding="utf-8").splitlines()
    chance = random.Random(arguments.seed)
    texts = chance.sample(sentences, min(arguments.texts, len(sentences)))
    alone = {text: encoder.encode([text], role="document")[0] for text in texts}
    cosines: dict[str, list[float]] = {}
    differences: dict[str, list[float]] = {}
    for text in texts:
        for kind, place, batch in _neighbourhoods(text, sentences, chance):
            vector = encoder.encode(batch, role="document", overflow="truncate")[place]
            cosines.setdefault(kind, []).append(float(vector @ alone[text]))
            differences.setdefault(kind, []).append(float(np.abs(vector - alone[text]).max()))
    rows: list[Row] = []
    for kind, found in cosines.items():
        least, greatest = min(found), max(differences[kind])
        reached = at_least(least, LEAST_COSINE) if precision == "float32" else {}
        rows.append(
            {"neighbours": kind, "batches": len(found), "min_cosine": least, "max_difference": greatest, **reached}
        )
    return rows


def _neighbourhoods(text: str, pool: list[str], chance: random.Random) -> Iterator[tuple[str, int, list[str]]]:
    """Kind of neighbours, the place of ``text`` among them, and the batch."""
    long = " ".join(chance.sample(pool, 12))
    yield "one, much longer", 0, [text, long]
    yield "many, much shorter", 31, ["Yes."] * 31 + [text]
    yield "itself many times", 15, [text] * 32
    for size in _SIZES:
        others = chance.sample(pool, size - 1)
        yield "mixed", 0, [text, *others]
        yield "mixed", size - 1, [*others, text]
        place = chance.randrange(size)
        yield "mixed and one very long", place, [*others[:place], text, *others[place:], long * 4]


if __name__ == "__main__":
    main()
