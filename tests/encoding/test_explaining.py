"""Each step is what the network really does, and what is said to make texts alike is checked by taking it away."""

import json
import re

import numpy as np
import pytest
from tiny_model import write_model
from tiny_outputs import SPARSE

import likewise
from likewise.encoding.explaining import compare, focus, pair_terms, trace
from likewise.encoding.explaining_page import page
from likewise.errors import ModelError, SettingError, TooLongError
from likewise.modelling.checkpoints import read_checkpoint
from likewise.tokenizing import open_tokenizer

PAIR = ("she deposited money at the bank", "the woman put cash into her account")


def traced(folder, text, role="document"):
    checkpoint = read_checkpoint(folder)
    return trace(checkpoint, checkpoint.weights(), open_tokenizer(folder), text, role=role)


def test_the_steps_of_a_text_are_the_networks_own(model, networks):
    found = traced(model, "abc de", role="query")
    assert found.text == "a abc de"  # the prompt is part of what the network reads
    assert found.pieces[0] == "[CLS]" and found.pieces[-1] == "[SEP]"
    assert [found.text[slice(*span)] for span in found.spans if span][:2] == ["a", "a"]
    assert found.attention.shape == (2, 3, len(found.ids), len(found.ids))
    assert np.abs(found.attention.sum(axis=-1) - 1).max() < 1e-5
    assert np.abs(found.attention - 1 / len(found.ids)).max() > 0.05
    weights = read_checkpoint(model).weights()
    assert np.array_equal(found.lookup, weights["tokens"][found.ids])
    places = weights["positions"][: len(found.ids)] + weights["segments"][0]
    assert np.array_equal(found.places, places)
    expected = likewise.load(model, precision="float32", cache=networks).encode(["abc de"], role="query")[0]
    assert np.abs(found.vector - expected).max() < 1e-5


@pytest.mark.parametrize("pooling", ["mean", "cls", "max", "lasttoken", "weightedmean", "mean_sqrt_len_tokens"])
def test_shares_sum_to_one_and_are_those_of_the_pooling(tmp_path, pooling):
    found = traced(write_model(tmp_path / "m", pooling=pooling), "abc de")
    assert found.shares.sum() == pytest.approx(1, abs=1e-5)
    if pooling in ("cls", "lasttoken"):
        assert found.shares[0 if pooling == "cls" else -1] == pytest.approx(1, abs=1e-5)
    elif pooling == "mean":
        mean = found.states.mean(axis=0)
        assert np.allclose(found.shares, found.states @ mean / (mean @ mean) / len(found.ids), atol=1e-5)


def test_pair_terms_sum_to_the_cosine(tmp_path):
    folder = write_model(tmp_path / "m", normalise=True)
    left, right = traced(folder, "abc de"), traced(folder, "gh abc f")
    terms = pair_terms(left, right)
    assert terms.shape == (len(left.ids), len(right.ids))
    assert terms.sum() == pytest.approx(float(left.vector @ right.vector), abs=1e-5)


def test_a_token_is_followed_by_its_spelling(model):
    found = traced(model, "abc de")
    assert (found.pieces[focus(found, None)], found.spans[focus(found, None)]) == ("d", (4, 5))  # of the last word
    assert found.text[slice(*found.spans[focus(found, "D")])] == "d"
    with pytest.raises(SettingError, match="no token is spelled 'zebra'; the text has a, b"):
        focus(found, "zebra")


def test_what_makes_two_texts_alike_is_checked_by_taking_it_away(exact_encoder):
    found = compare(lambda texts: exact_encoder.encode(texts, role="document"), PAIR)
    vectors = exact_encoder.encode(PAIR, role="document")
    assert found.cosine == pytest.approx(float(vectors[0] @ vectors[1]), abs=1e-5)
    (cash,) = (word for word in found.words if word.text == "cash")
    without = exact_encoder.encode([PAIR[0], PAIR[1].replace("cash ", "")], role="document")
    assert cash.loss == pytest.approx(found.cosine - float(without[0] @ without[1]), abs=1e-5)
    assert cash in found.named
    assert found.holds
    assert found.without_named < found.without_random < found.cosine + 0.1
    assert compare(lambda texts: exact_encoder.encode(texts, role="document"), PAIR) == found  # seeded


def test_a_check_that_fails_says_so():
    """Vectors of the number of words: what the named words cost, any others cost too."""

    def encode(texts):
        return np.array([[len(text.split()), 3.0] for text in texts], np.float32)

    found = compare(encode, ("a b c d", "a b c d"))
    assert not found.holds


def test_what_can_not_be_explained_is_one_clear_error(model, tmp_path):
    with pytest.raises(TooLongError, match="the text has 17 tokens and the model reads 16"):
        traced(model, "a " * 15)
    with pytest.raises(SettingError, match="the text has no token"):
        traced(model, "  ")
    with pytest.raises(ModelError, match="only models that make one vector"):
        traced(SPARSE["max"](tmp_path / "s"), "abc")
    with pytest.raises(SettingError, match="each needs at least two words"):
        compare(lambda texts: np.ones((len(texts), 2), np.float32), ("one", "two words"))


def test_the_page_holds_the_numbers_and_no_text_can_break_out_of_it(model):
    found = traced(model, "abc </script><b>")
    text = page("tiny", "mean", [found], None, token=None)
    assert text.count("</script>") == 2  # the page's own
    data = json.loads(re.search(r'id="data">(.*?)</script>', text, re.DOTALL)[1])
    assert data["texts"][0]["text"] == found.text
    assert np.allclose(data["texts"][0]["attention"], found.attention, atol=1e-4)
    assert "http" not in text  # nothing is fetched
