"""Do the words that are said to make two texts alike matter more than others? Checked by deletion over STSb.

    python benchmarks/explaining.py --data DIR --pairs 200

English test pairs whose cosine is above 0.6 and which have four words or more each; float32, up to three words of each
text are named, and compared with 20 seeded draws of as many others.
"""

from pathlib import Path

import numpy as np
from labelled_sets import read_table
from reporting import Row, at_least, parser, print_settings, print_table

import likewise as lw
from likewise.encoding.explaining import compare

_LEAST_COSINE, _LEAST_WORDS = 0.6, 4


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--data", type=Path, required=True, help="the folder of published sets")
    options.add_argument("--pairs", type=int, default=200)
    arguments = options.parse_args()
    encoder = lw.load("all-MiniLM-L6-v2", precision="float32")
    table = list(read_table(arguments.data / "stsb" / "en_test.tsv.gz"))
    pairs = [(row["sentence1"], row["sentence2"]) for row in table]
    pairs = [pair for pair in pairs if min(len(text.split()) for text in pair) >= _LEAST_WORDS]
    found = []
    for pair in pairs:
        one = compare(lambda texts: encoder.encode(texts, role="document"), pair)
        found += [one] if one.cosine > _LEAST_COSINE else []
        if len(found) == arguments.pairs:
            break
    print_settings({"pairs": len(found)}, as_json=arguments.json)
    named, others = (
        float(np.mean([one.cosine - getattr(one, name) for one in found]))
        for name in ("without_named", "without_random")
    )
    share = float(np.mean([one.holds for one in found]))
    rows: list[Row] = [
        {"what": "cosine lost without the named words, mean", "value": round(named, 4)},
        {"what": "without as many random others, mean", "value": round(others, 4), **at_least(named - others, 0.0)},
        {"what": "share of pairs in which the named ones cost more", "value": round(share, 4)},
    ]
    print_table("Deletion", rows, as_json=arguments.json)


if __name__ == "__main__":
    main()
