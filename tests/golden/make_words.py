"""Writes what gensim makes of a few sentences: files of word vectors in its formats, and vectors of words never seen.

Run as ``python tests/golden/make_words.py`` where gensim is installed; ``tests/words/test_files.py`` reads the files.
"""

import gzip
import json
from pathlib import Path

from gensim.models import FastText
from gensim.models.fasttext import save_facebook_model

HERE = Path(__file__).parent
UNSEEN = ["owlet", "voles", "x", "Zürichs", "barn", "日本語"]


def main() -> None:
    """Train a small model, and write it in each format."""
    lines = (HERE.parent / "data" / "sentences.txt").read_text(encoding="utf-8").lower().splitlines()
    sentences = [line.split() for line in lines[:200]] + [["zürich", "日本"]] * 5
    model = FastText(
        sentences, vector_size=8, bucket=300, min_n=2, max_n=5, min_count=4, epochs=2, workers=1, seed=3, sg=1
    )
    folder = HERE / "words"
    folder.mkdir(exist_ok=True)
    save_facebook_model(model, str(folder / "fasttext.bin"))
    model.wv.save_word2vec_format(str(folder / "word2vec.bin"), binary=True)
    model.wv.save_word2vec_format(str(folder / "word2vec.txt"), binary=False)
    text = (folder / "word2vec.txt").read_bytes()
    (folder / "word2vec.txt.gz").write_bytes(gzip.compress(text, mtime=0))
    (folder / "glove.txt").write_bytes(text.partition(b"\n")[2])
    words = [*model.wv.index_to_key[:5], *UNSEEN]
    expected = {word: [float(number) for number in model.wv[word]] for word in words}
    (folder / "vectors.json").write_text(json.dumps(expected, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
