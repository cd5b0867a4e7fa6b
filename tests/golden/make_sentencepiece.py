"""Write tests/data/sentencepiece: two tiny models, and what the sentencepiece package makes of texts with them.

Run it with a Python that has sentencepiece:

    python tests/golden/make_sentencepiece.py
"""

import io
import json
from contextlib import chdir
from pathlib import Path
from tempfile import TemporaryDirectory

import sentencepiece

DATA = Path(__file__).parent.parent / "data"
# The published tables are 240 kB; this one does the same things with a few rules: replace, compose, widen, drop.
RULES = (
    ("\t", " "),
    ("\n", " "),
    ("\u00a0", " "),
    ("\u3000", " "),
    ("\u200b", ""),
    ("e\u0301", "\u00e9"),
    ("e\u0301\u0323", "\u1eb9\u0301"),
    ("\ufb01", "fi"),
    ("\uff21", "A"),
    ("\u00bd", "1 2"),
    ("\u2026", "..."),
)
MODELS = {
    "unigram": {"model_type": "unigram", "vocab_size": 300, "character_coverage": 0.98},
    "bpe": {
        "model_type": "bpe",
        "vocab_size": 500,
        "character_coverage": 0.98,
        "byte_fallback": True,
        "user_defined_symbols": ["<sym>", "\u2603\u2603", "\u2581\u2581", "ab"],
        "remove_extra_whitespaces": False,
    },
}
TEXTS = (
    *(
        "",
        " ",
        "  ",
        "a",
        "\u200b",
        "\u200b \u200b",
        " leading and  inner   spaces ",
        "tab\tand\nnew line\u00a0\u3000here",
    ),
    *("cafe\u0301 e\u0301\u0323 e\u0323\u0301", "\ufb01ne \uff21 \u00bd cup\u2026", "\u2581\u2581 literal \u2581"),
    *("<s></s><unk> <0x0A> <sym>", "\u2603\u2603\u2603 about cab <sym>ab", "\U00100000\U00100001 private"),
    *(
        "\u65e5\u672c\u8a9e \u0645\u0631\u062d\u0628\u0627",
        "\U0001f469\u200d\U0001f467 \U0001f44d\U0001f3fd",
        "\x00\x01 null",
    ),
    *("0" * 37, "ha" * 60, "ab" * 25, "s" * 200, "-----...--- aaa"),
)


def main() -> None:
    lines = (DATA / "sentences.txt").read_text(encoding="utf-8").splitlines()
    golden = {}
    for name, settings in MODELS.items():
        content = train(lines, settings)
        (DATA / "sentencepiece" / f"{name}.model").write_bytes(content)
        theirs = sentencepiece.SentencePieceProcessor(model_proto=content)
        encoded = [theirs.encode(text) for text in (*TEXTS, *lines[:40])]
        golden[name] = [
            {"text": text, "ids": ids, "decoded": theirs.decode(ids)}
            for text, ids in zip((*TEXTS, *lines[:40]), encoded, strict=True)
        ]
    text = json.dumps(golden, indent=0, sort_keys=True) + "\n"
    (DATA / "sentencepiece" / "golden.json").write_text(text, encoding="utf-8")


def train(lines: list[str], settings: dict[str, object]) -> bytes:
    """A model file; the same in every run."""
    file = io.BytesIO()
    with TemporaryDirectory() as scratch, chdir(scratch):  # the path of the rules becomes a part of the model
        rules = Path("rules.tsv")
        codes = ["\t".join(" ".join(f"{ord(character):X}" for character in side) for side in rule) for rule in RULES]
        rules.write_text("\n".join(codes) + "\n")
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(lines),
            model_writer=file,
            normalization_rule_tsv=str(rules),
            num_threads=1,
            minloglevel=2,
            **settings,
        )
    return file.getvalue()


if __name__ == "__main__":
    main()
