"""What goes around texts, for every kind of post-processor and whatever the vocabulary makes of a text."""

import json

import pytest
import tokenizers
from tokenizers import models, normalizers, pre_tokenizers, processors

from likewise.errors import ModelError
from likewise.tokenizing import Tokenizer

WORDS = {"<pad>": 0, "<s>": 1, "</s>": 2, "owl": 3, "barn": 4, "<unk>": 5}
LEFT, RIGHT = [4, 3], [3]
T5 = processors.TemplateProcessing(single="$A </s>", pair="$A </s> $B </s>", special_tokens=[("</s>", 2)])
LLAMA = processors.TemplateProcessing(single="<s> $A", pair="<s> $A <s> $B:1", special_tokens=[("<s>", 1)])
CASES = {  # post-processor: framed, pair, segments
    "nothing": (None, [4, 3], None, None),
    "bytes only": (processors.ByteLevel(), [4, 3], None, None),
    "bert": (
        processors.BertProcessing(("</s>", 2), ("<s>", 1)),
        [1, 4, 3, 2],
        [1, 4, 3, 2, 3, 2],
        [0, 0, 0, 0, 1, 1],
    ),
    "roberta": (
        processors.RobertaProcessing(("</s>", 2), ("<s>", 1)),
        [1, 4, 3, 2],
        [1, 4, 3, 2, 2, 3, 2],
        [0] * 7,
    ),
    "t5": (T5, [4, 3, 2], [4, 3, 2, 3, 2], [0] * 5),
    "llama": (LLAMA, [1, 4, 3], [1, 4, 3, 1, 3], [0, 0, 0, 0, 1]),
    "bytes, then llama": (processors.Sequence([processors.ByteLevel(), LLAMA]), [1, 4, 3], [1, 4, 3, 1, 3], None),
    "only one text": (
        processors.TemplateProcessing(single="<s> $A </s>", special_tokens=[("<s>", 1), ("</s>", 2)]),
        [1, 4, 3, 2],
        None,
        None,
    ),
}


def written(path, processor, *, known=True):
    made = tokenizers.Tokenizer(models.WordLevel(WORDS, unk_token="<unk>" if known else "none"))
    made.normalizer = normalizers.Prepend("\u2581")
    made.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Metaspace(), pre_tokenizers.ByteLevel()])
    if processor is not None:
        made.post_processor = processor
    made.save(str(path))
    return Tokenizer(path)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("known", [True, False])
def test_texts_are_framed_as_the_file_says_even_if_it_knows_no_letter(tmp_path, name, known):
    processor, framed, pair, segments = CASES[name]
    tokenizer = written(tmp_path / "tokenizer.json", processor, known=known)
    left, right = (tokenizer.encode([""])[0][:0].__class__((len(ids),), "int64") for ids in (LEFT, RIGHT))
    left[:], right[:] = LEFT, RIGHT
    assert tokenizer.frame(left).tolist() == framed
    assert tokenizer.special_tokens == len(framed) - 2
    if pair is None:
        for asked in (lambda: tokenizer.pair(left, right), lambda: tokenizer.pair_special_tokens):
            with pytest.raises(ModelError, match="no template for pairs: nothing would separate the two texts"):
                asked()
        return
    ids, parts = tokenizer.pair(left, right)
    assert (ids.tolist(), tokenizer.pair_special_tokens) == (pair, len(pair) - 3)
    assert segments is None or parts.tolist() == segments


def test_a_template_that_repeats_a_text_is_refused(tmp_path):
    twice = processors.TemplateProcessing(single="$A <s> $A", pair="$A <s> $B", special_tokens=[("<s>", 1)])
    with pytest.raises(ModelError, match="does not keep a text whole"):
        written(tmp_path / "tokenizer.json", twice)


@pytest.mark.parametrize(
    ("config", "framed"),
    [
        ({"tokenizer_class": "LlamaTokenizerFast", "add_bos_token": True, "add_eos_token": True}, [1, 4, 3, 2]),
        ({"tokenizer_class": "LlamaTokenizer", "add_bos_token": False}, [4, 3]),
        ({"tokenizer_class": "GemmaTokenizer", "add_eos_token": True}, [1, 4, 3, 2]),
        ({"tokenizer_class": "LlamaTokenizer"}, [1, 4, 3]),
        ({"tokenizer_class": "Qwen2Tokenizer", "add_bos_token": False}, [1, 4, 3]),
    ],
)
def test_switches_rule_over_the_file_for_the_classes_that_obey_them(tmp_path, config, framed):
    """So e5-mistral gets its last token, which its ``tokenizer.json`` does not mention."""
    names = {"bos_token": {"content": "<s>"}, "eos_token": "</s>"}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({**config, **names}))
    tokenizer = written(tmp_path / "tokenizer.json", LLAMA)
    assert tokenizer.frame([4, 3]).tolist() == framed
