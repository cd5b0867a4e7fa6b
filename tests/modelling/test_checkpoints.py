"""Model folders: what they declare is read, and what they leave open is refused, never guessed."""

import json

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save_file
from tiny_model import published_tensors

import likewise
from likewise.errors import ArtifactError, LikewiseError, ModelError, UnknownNameError
from likewise.modelling.checkpoints import read_checkpoint, write_checkpoint


def edit(path, **changes):
    before = json.loads(path.read_text()) if path.is_file() else {}
    path.write_text(json.dumps({**before, **changes}))


def test_a_folder_is_read_as_it_declares(model):
    checkpoint = read_checkpoint(model)
    assert (checkpoint.architecture, checkpoint.pooling, checkpoint.chain.normalise) == ("bert", "mean", True)
    assert (checkpoint.max_tokens, checkpoint.dimension, checkpoint.similarity) == (16, 24, "cosine")
    assert checkpoint.prompts == {"query": "a "}  # an empty prompt is none
    (model / "sentence_bert_config.json").unlink()
    assert read_checkpoint(model).max_tokens == 32  # the positions that there are
    edit(model / "sentence_bert_config.json", max_seq_length=99)
    assert read_checkpoint(model).max_tokens == 32
    (model / "sentence_bert_config.json").unlink()
    edit(model / "tokenizer_config.json", model_max_length=24)
    assert read_checkpoint(model).max_tokens == 24


def test_roles_find_their_prompts_under_every_published_name(model):
    place = model / "config_sentence_transformers.json"
    edit(place, prompts={"search_query": "q: ", "search_document": "d: ", "clustering": "c: "})
    assert read_checkpoint(model).prompts == {"query": "q: ", "document": "d: "}
    edit(place, prompts={"Retrieval-query": "q: ", "Retrieval-document": "d: "})
    assert read_checkpoint(model).prompts == {"query": "q: ", "document": "d: "}
    edit(place, prompts={"passage": "p: ", "sts": "s: "}, default_prompt_name="sts")
    assert read_checkpoint(model).prompts == {"query": "s: ", "document": "p: "}


def test_the_older_spelling_of_the_pooling_is_read(model):
    flags = {"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False, "pooling_mode_max_tokens": False}
    (model / "1_Pooling" / "config.json").write_text(json.dumps(flags))
    assert read_checkpoint(model).pooling == "cls"
    flags["pooling_mode_mean_tokens"] = True  # several are joined
    (model / "1_Pooling" / "config.json").write_text(json.dumps(flags))
    assert (read_checkpoint(model).pooling, read_checkpoint(model).dimension) == ("cls+mean", 48)


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
    (folder / "modules.json").write_text(json.dumps(chain[:1]))


def unknown_module(folder):
    chain = json.loads((folder / "modules.json").read_text())
    own = {"idx": 2, "path": "2_Own", "type": "their_package.Denze"}
    (folder / "modules.json").write_text(json.dumps([*chain[:2], own]))


def module_outside(folder):
    chain = json.loads((folder / "modules.json").read_text())
    chain[1]["path"] = "../other"
    (folder / "modules.json").write_text(json.dumps(chain))


def dense_that_does_not_fit(folder):
    chain = json.loads((folder / "modules.json").read_text())
    dense = {"idx": 2, "path": "2_Dense", "type": "sentence_transformers.models.Dense"}
    (folder / "modules.json").write_text(json.dumps([*chain[:2], dense]))
    (folder / "2_Dense").mkdir()
    (folder / "2_Dense" / "config.json").write_text(json.dumps({"in_features": 25, "out_features": 8}))


POOLING = "1_Pooling/config.json"
BAD = {
    "no config": (without("config.json"), ModelError, "has no config.json"),
    "no chain": (without("modules.json"), ModelError, "so that the pooling is declared"),
    "no tokenizer": (without("tokenizer.json"), ModelError, "has no tokenizer.json"),
    "no weights": (without("model.safetensors"), ModelError, "has no model.safetensors"),
    "no pooling file": (without(POOLING), ModelError, r"1_Pooling.config.json can't be read"),
    "no pooling": (with_text(POOLING, "{}"), ModelError, "declares no pooling"),
    "pooling of another width": (
        with_config(POOLING, word_embedding_dimension=25),
        ModelError,
        "declared for 25 dimensions, the network gives 24",
    ),
    "unknown pooling": (with_config(POOLING, pooling_mode="meen"), UnknownNameError, "Did you mean 'mean'"),
    "chain": (other_chain, ModelError, "chains Transformer: no pooling is declared, and none is guessed"),
    "unknown module": (unknown_module, UnknownNameError, "Denze.*Did you mean 'Dense'"),
    "module outside": (module_outside, ModelError, "names a module outside of the model's folder"),
    "dense that does not fit": (dense_that_does_not_fit, ModelError, "takes 25 dimensions, what is before it gives 24"),
    "no list": (with_text("modules.json", "[1]"), ModelError, "no list of modules"),
    "not json": (with_text("config.json", "{"), ModelError, r"config.json can't be read"),
    "family": (with_config("config.json", model_type="bort"), (UnknownNameError, ModelError), "Did you mean 'bert'"),
    "activation": (
        with_config("config.json", hidden_act="reelu"),
        ModelError,
        "names the activation 'reelu'; known are",
    ),
    "positions": (
        with_config("config.json", position_embedding_type="relative_key"),
        ModelError,
        "knows 'absolute' alone",
    ),
    "a tokenizer of another model": (
        with_config("config.json", vocab_size=10),
        ModelError,
        "has 20 tokens and the network knows 10",
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


def test_norms_that_tensorflow_saved_are_read_and_written_back(model, tmp_path):
    new = read_checkpoint(model).weights()
    tensors = published_tensors()
    older = {
        name.replace("Norm.weight", "Norm.gamma").replace("Norm.bias", "Norm.beta"): v for name, v in tensors.items()
    }
    save_file(older, model / "model.safetensors")
    weights = read_checkpoint(model).weights()
    assert all(np.array_equal(weights[name], new[name]) for name in new)
    write_checkpoint(read_checkpoint(model), weights, tmp_path / "copy")
    with safe_open(tmp_path / "copy" / "model.safetensors", "numpy") as file:
        assert "embeddings.LayerNorm.gamma" in set(file.keys()) <= set(older)
