"""SentencePiece models: what the sentencepiece package gives for them, committed and live, and damaged files."""

import io
import json
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from likewise.errors import ArtifactError
from likewise.tokenizing.sentencepiece import SentencePieceVocabulary
from likewise.tokenizing.sentencepiece_file import PieceType, read_sentencepiece
from likewise.tokenizing.sentencepiece_normalizing import Normalizer
from likewise.tokenizing.sentencepiece_search import may_tie

DATA = Path(__file__).parent.parent / "data"
MODELS = DATA / "sentencepiece"
GOLDEN = json.loads((MODELS / "golden.json").read_text(encoding="utf-8"))
ODD = [
    "  ",
    "\t",
    "\u2581",
    "\u200b",
    "e\u0301\u0323",
    "\ufb01",
    "\u00bd",
    "<sym>",
    "\u2603\u2603",
    "ab",
    "<s>",
    "<0x0A>",
    "000",
    "haha",
]
TEXTS = st.lists(st.sampled_from(ODD) | st.text(st.characters(exclude_categories=("Cs",)), max_size=6)).map("".join)


@pytest.fixture(scope="module", params=sorted(GOLDEN))
def name(request):
    return request.param


@pytest.fixture(scope="module")
def vocabulary(name):
    return SentencePieceVocabulary(MODELS / f"{name}.model")


def test_ids_and_texts_are_those_of_sentencepiece(name, vocabulary):
    cases = GOLDEN[name]
    assert len(cases) > 50
    for case, ids in zip(cases, vocabulary.encode([case["text"] for case in cases]), strict=True):
        assert ids.tolist() == case["ids"], case["text"]
        assert vocabulary.decode(case["ids"]) == case["decoded"]


@given(texts=st.lists(TEXTS, max_size=4))
@settings(deadline=None)
def test_offsets_are_those_of_the_ids_and_lie_in_the_text(vocabulary, texts):
    for text, ids, spans in zip(texts, vocabulary.encode(texts), vocabulary.offsets(texts), strict=True):
        assert spans.shape == (len(ids), 2)
        assert (spans[:, 0] <= spans[:, 1]).all()
        assert not len(spans) or (spans.min() >= 0 and spans.max() <= len(text))
        assert (np.diff(spans[:, 0]) >= 0).all()


def test_offsets_show_where_a_token_came_from(vocabulary):
    text = "cafe\u0301 owls \u65e5"
    (spans,) = vocabulary.offsets([text])
    shown = [text[start:end] for start, end in dict.fromkeys(map(tuple, spans.tolist()))]
    assert "".join(shown) == text  # bytes of one character share its span
    assert text[slice(*spans[-1])] == "\u65e5"


@given(text=TEXTS | st.text(st.characters(max_codepoint=127)))
@settings(deadline=None)
def test_the_quick_way_to_normalise_is_the_aligned_one(vocabulary, text):
    normalizer = Normalizer(vocabulary.model)
    assert normalizer.normalize(text) == normalizer.align(text).text


def test_a_text_never_spells_a_special_token(vocabulary):
    for ids in vocabulary.encode(["<s>", "</s>", "<unk>", "a<s>"]):
        assert not vocabulary.special_ids & set(ids.tolist()) - {vocabulary.model.unknown_id}
        assert len(ids) > 1


def test_fairseq_moves_the_ids(vocabulary):
    moved = SentencePieceVocabulary(vocabulary.model.path, fairseq=True)
    (plain,), (shifted,) = vocabulary.encode(["the owl"]), moved.encode(["the owl"])
    assert shifted.tolist() == (plain + 1).tolist()
    assert [moved.id_of(token) for token in ("<s>", "<pad>", "</s>", "<unk>")] == [0, 1, 2, 3]
    assert moved.id_of("<mask>") == moved.size - 1 == vocabulary.size + 1
    assert moved.decode(shifted.tolist()) == "the owl"


@given(st.text("ab", max_size=12), st.integers(1, 3))
def test_only_repeats_can_tie(text, cut):
    """Two orders of the same two pieces spell the same text only if both are powers of one pattern."""
    left, right = text[:cut], text[cut:]
    if left and right and left != right and left + right == right + left:
        assert may_tie(text)
    assert may_tie("abababab") and may_tie("aaa") and not may_tie("abab") and not may_tie("hello")


@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.7, 0.93])
def test_a_truncated_file_is_named(tmp_path, name, share):
    content = (MODELS / f"{name}.model").read_bytes()
    path = tmp_path / "cut.model"
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(ArtifactError, match=r"cut\.model"):
        SentencePieceVocabulary(path)


@given(st.binary(max_size=300))
@settings(deadline=None)
def test_garbage_is_named(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("garbage") / "bad.model"
    path.write_bytes(content)
    with pytest.raises(ArtifactError, match=r"bad\.model"):
        SentencePieceVocabulary(path)


def test_what_is_no_model_is_named(tmp_path):
    for content in (b"\x80\x02}q\x00.", b'{"a": 1}', b"IQ== 0\nIg== 1\n" * 50):
        (tmp_path / "tokenizer.model").write_bytes(content)
        with pytest.raises(ArtifactError, match=r"tokenizer\.model can't be read as a SentencePiece model"):
            read_sentencepiece(tmp_path / "tokenizer.model")
    with pytest.raises(ArtifactError, match=r"none\.model can't be read"):
        read_sentencepiece(tmp_path / "none.model")


def _field(number, value):
    """One field of a protobuf message."""
    if isinstance(value, int):
        return bytes([*_varint(number << 3), *_varint(value)])
    if isinstance(value, float):
        return bytes(_varint(number << 3 | 5)) + struct.pack("<f", value)
    return bytes([*_varint(number << 3 | 2), *_varint(len(value))]) + value


def _varint(value):
    found = []
    while value > 127:
        found.append(value & 127 | 128)
        value >>= 7
    return [*found, value]


def _model(*, pieces=(("<unk>", 0.0, 2), ("a", -1.0, 1)), trainer=b"", normalizer=b"", more=b""):
    parts = [_field(1, _field(1, t.encode()) + _field(2, score) + _field(3, kind)) for t, score, kind in pieces]
    return b"".join(parts) + _field(2, trainer) + _field(3, normalizer) + more


REFUSED = {
    "words": (_model(trainer=_field(3, 3)), "of kind word; unigram and bpe are read"),
    "spaces": (_model(normalizer=_field(5, 0)), "escape_whitespaces=false"),
    "denormaliser": (_model(more=_field(5, _field(2, b"abcd"))), "denormaliser"),
    "no unknown": (_model(pieces=(("a", -1.0, 1),)), "has 0 unknown pieces"),
    "twice": (_model(pieces=(("<unk>", 0.0, 2), ("a", -1.0, 1), ("a", -1.0, 1))), "there twice"),
    "nothing to use": (_model(pieces=(("<unk>", 0.0, 2),)), "no pieces to make texts of"),
    "unused": (
        _model(pieces=(("<unk>", 0.0, 2), ("a", -1.0, 1), ("b", -1.0, 5)), trainer=_field(3, 2)),
        "unused pieces",
    ),
    "bytes": (_model(trainer=_field(35, 1)), "does not have all 256"),
    "table": (_model(normalizer=_field(2, b"\xff\xff\x00\x00abc")), "damaged, in the table of its normaliser"),
    "type": (_model(pieces=(("<unk>", 0.0, 2), ("a", -1.0, 9))), "9 is not a valid PieceType"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_can_not_be_honoured_is_refused(tmp_path, case):
    content, message = REFUSED[case]
    path = tmp_path / "odd.model"
    path.write_bytes(content)
    with pytest.raises(ArtifactError, match=message) as caught:
        SentencePieceVocabulary(path)
    assert "odd.model" in str(caught.value)


def test_the_smallest_model_that_is_whole_is_read(tmp_path):
    """So that the cases above are refused for what they say."""
    (tmp_path / "small.model").write_bytes(_model())
    model = read_sentencepiece(tmp_path / "small.model")
    assert [(piece.text, piece.type) for piece in model.pieces] == [
        ("<unk>", PieceType.UNKNOWN),
        ("a", PieceType.NORMAL),
    ]
    assert SentencePieceVocabulary(tmp_path / "small.model").encode(["aa"])[0].tolist() == [0, 1, 1]


SETTINGS = {
    "unigram": {"model_type": "unigram"},
    "bpe": {"model_type": "bpe"},
    "unigram with all": {
        "model_type": "unigram",
        "byte_fallback": True,
        "user_defined_symbols": ["<sym>", "\u2603\u2603", "\n\n", "ab"],
        "normalization_rule_name": "nfkc_cf",
    },
    "bpe with all": {
        "model_type": "bpe",
        "byte_fallback": True,
        "user_defined_symbols": ["<sym>", "\u2603\u2603", "\u2581\u2581", "ab", "abc"],
        "normalization_rule_name": "identity",
        "add_dummy_prefix": False,
        "remove_extra_whitespaces": False,
        "split_digits": True,
    },
    "suffix": {"model_type": "unigram", "treat_whitespace_as_suffix": True, "split_by_whitespace": False},
}


@pytest.mark.oracle
@pytest.mark.parametrize("case", SETTINGS)
def test_any_text_has_the_ids_of_the_package(tmp_path, sentences, case):
    sentencepiece = pytest.importorskip("sentencepiece")
    file = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(sentences),
        model_writer=file,
        vocab_size=1200,
        minloglevel=2,
        num_threads=1,
        **SETTINGS[case],
    )
    (tmp_path / "trained.model").write_bytes(file.getvalue())
    ours = SentencePieceVocabulary(tmp_path / "trained.model")
    theirs = sentencepiece.SentencePieceProcessor(model_proto=file.getvalue())

    @given(TEXTS)
    @settings(deadline=None, max_examples=1000)
    def agree(text):
        expected = theirs.encode(text)
        assert ours.encode([text])[0].tolist() == expected
        assert ours.decode(expected) == theirs.decode(expected)

    agree()
