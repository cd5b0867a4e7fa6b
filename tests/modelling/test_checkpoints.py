"""Model folders: what they declare is read, and what they leave open is refused, never guessed."""

import json

import numpy as np
import pytest
from safetensors.numpy import save_file

import likewise
from likewise.errors import ArtifactError, LikewiseError, ModelError, UnknownNameError
from likewise.modelling.checkpoints import read_checkpoint


def edit(path, **changes):
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_a_folder_is_read_as_it_declares(model):
    checkpoint = read_checkpoint(model)
    assert (checkpoint.architecture, checkpoint.pooling, checkpoint.normalise) == ("bert", "mean", True)
    assert (checkpoint.max_tokens, checkpoint.dimension, checkpoint.similarity) == (16, 24, "cosine")
    assert checkpoint.prompts == {"query": "a "}  # an empty prompt is none
    (model / "sentence_bert_config.json").unlink()
    assert read_checkpoint(model).max_tokens == 32  # the positions that there are


def test_the_older_spelling_of_the_pooling_is_read(model):
    flags = {"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False, "pooling_mode_max_tokens": False}
    (model / "1_Pooling" / "config.json").write_text(json.dumps(flags))
    assert read_checkpoint(model).pooling == "cls"


def without(name):
    return lambda folder: (folder / name).unlink()


def with_config(name, **changes):
    return lambda folder: edit(folder / name, **changes)


def with_text(name, text):
    return lambda folder: (folder / name).write_text(text)


def as_pickle(folder):
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def cut(folder):
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])


def cut_header(folder):
    (folder / "model.safetensors").write_bytes((folder / "model.safetensors").read_bytes()[:50])


def other_tensors(folder):
    save_file({"wte.weight": np.zeros((2, 2), np.float32)}, folder / "model.safetensors")


def other_chain(folder):
    chain = json.loads((folder / "modules.json").read_text())
    dense = {"idx": 2, "path": "2_Dense", "type": "sentence_transformers.models.Dense"}
    (folder / "modules.json").write_text(json.dumps([*chain[:2], dense]))


POOLING = "1_Pooling/config.json"
BAD = {
    "no config": (without("config.json"), ModelError, "has no config.json"),
    "no chain": (without("modules.json"), ModelError, "so that the pooling is declared"),
    "no tokenizer": (without("tokenizer.json"), ModelError, "has no tokenizer.json"),
    "no weights": (without("model.safetensors"), ModelError, "has no model.safetensors"),
    "no pooling file": (without(POOLING), ModelError, r"1_Pooling.config.json can't be read"),
    "no pooling": (with_text(POOLING, "{}"), ModelError, "declares no pooling"),
    "two poolings": (with_config(POOLING, pooling_mode=["mean", "cls"]), ModelError, "'mean', 'cls'.*say one"),
    "unknown pooling": (with_config(POOLING, pooling_mode="meen"), UnknownNameError, "Did you mean 'mean'"),
    "known elsewhere": (with_config(POOLING, pooling_mode="lasttoken"), UnknownNameError, "Known: cls, mean"),
    "chain": (other_chain, ModelError, "chains Transformer → Pooling → Dense"),
    "no list": (with_text("modules.json", "[1]"), ModelError, "no list of modules"),
    "not json": (with_text("config.json", "{"), ModelError, r"config.json can't be read"),
    "family": (with_config("config.json", model_type="bort"), UnknownNameError, "Did you mean 'bert'"),
    "activation": (with_config("config.json", hidden_act="relu"), ModelError, "hidden_act='relu'.*'gelu' alone"),
    "positions": (
        with_config("config.json", position_embedding_type="relative_key"),
        ModelError,
        "knows 'absolute' alone",
    ),
    "heads": (with_config("config.json", num_attention_heads=5), ModelError, "no multiple of 5 heads"),
    "no width": (with_text("config.json", '{"model_type": "bert"}'), LikewiseError, "hidden_size"),
    "no length": (
        lambda folder: (
            without("sentence_bert_config.json")(folder),
            edit(folder / "config.json", max_position_embeddings=None),
        ),
        ModelError,
        "declares no maximum length",
    ),
    "pickle": (as_pickle, ModelError, "a pickle, which can run code: convert"),
    "cut short": (cut, ArtifactError, r"model.safetensors can't be read"),
    "cut in its header": (cut_header, ArtifactError, r"model.safetensors can't be read"),
    "other tensors": (other_tensors, ModelError, "lack 37 of 37 tensors"),
    "tokenizer": (with_text("tokenizer.json", "{}"), ArtifactError, "tokenizer.json can't be read as a tokenizer"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_folder_is_one_clear_error(model, networks, name):
    spoil, kind, message = BAD[name]
    spoil(model)
    with pytest.raises(kind, match=message):
        likewise.load(model, precision="float32", cache=networks)


def test_a_folder_of_ones_own_is_loaded_and_used(model, networks):
    encoder = likewise.load(model, precision="float32", cache=networks)
    vectors = encoder.encode(["abc", "abc d"], role="document")
    assert (vectors.shape, encoder.contract.max_tokens, encoder.contract.pooling) == ((2, 24), 16, "mean")
    # the prompt for queries, and only for them
    assert np.allclose(encoder.encode(["bc"], role="query"), encoder.encode(["a bc"], role="document"))
    assert not np.allclose(encoder.encode(["bc"], role="query"), encoder.encode(["bc"], role="document"))
    small = likewise.load(model, precision="int8", cache=networks)  # calibrated on the spot
    assert (small.encode(["abc", "abc d"], role="document") * vectors).sum(axis=1).min() > 0.95


def test_a_model_that_is_nowhere_is_one_clear_error(networks, tmp_path):
    with pytest.raises(UnknownNameError, match="Did you mean 'all-MiniLM-L6-v2'"):
        likewise.load("all-MiniLM-L6", cache=networks)
    with pytest.raises(ModelError, match=r"has no config.json"):
        likewise.load(tmp_path, cache=networks)
