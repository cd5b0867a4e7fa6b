"""What the config.json of Llama, Mistral, Qwen, Gemma and GPT-2 may say, beside what ``test_every_family.py`` runs."""

import json

import numpy as np
import pytest
from safetensors.numpy import save_file
from seeded import cases_of, seeded_tensors, write_case

from likewise.errors import ModelError
from likewise.modelling.checkpoints import read_checkpoint
from likewise.modelling.families import FAMILIES
from likewise.modelling.families.llama import FULL, SLIDING, windows

FAMILIES_HERE = ("gemma3", "gemma3_text", "gpt2", "llama", "mistral", "qwen2", "qwen3")
OWN_CODE = {"auto_map": {"AutoModel": "modeling_own.OwnModel"}}


def settings(family, **changes):
    config = cases_of(family)[0].config
    if family == "gemma3":
        config = config | {"text_config": config["text_config"] | changes}
    return FAMILIES.get(family).settings(config | changes)


@pytest.mark.parametrize("family", FAMILIES_HERE)
def test_a_model_with_code_of_its_own_must_say_whether_tokens_see_what_follows(family):
    with pytest.raises(ModelError, match='add "is_causal": false'):
        settings(family, **OWN_CODE)
    for causal in (True, False):
        assert settings(family, **OWN_CODE, is_causal=causal).is_causal == causal
    assert settings(family).is_causal
    assert settings(family, auto_map={"AutoModelForCausalLM": "modeling_own.OwnModel"}).is_causal


def test_gemma_has_a_key_of_its_own_for_that():
    assert settings("gemma3_text", use_bidirectional_attention=False).is_causal
    assert not settings("gemma3_text", **OWN_CODE, use_bidirectional_attention=True).is_causal
    assert not settings("gemma3_text", use_bidirectional_attention=False, is_causal=False).is_causal


def test_a_window_counts_the_token_itself_only_where_it_sees_one_side():
    assert windows({}, [FULL, SLIDING], size=5) == (None, 4)
    assert windows({"is_causal": False}, [SLIDING, FULL], size=5) == (5, None)
    assert windows({}, [FULL], size=None) == (None,)
    for size, reach in ((512, 256), (7, 3)):
        found = settings("gemma3_text", use_bidirectional_attention=True, sliding_window=size)
        assert found.windows == (reach, reach, None)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rope_scaling": {"type": "dynamic", "factor": 2.0}}, "'dynamic'; known are linear, llama3"),
        ({"rope_scaling": {"type": "longrope", "short_factor": [1.0], "long_factor": [2.0]}}, "'longrope'"),
        ({"rope_scaling": {"rope_type": "linear"}}, "without its numbers"),
        ({"rope_parameters": {"rope_type": "yarn", "factor": None}}, "without its numbers"),
        ({"partial_rotary_factor": 0.5}, "partial_rotary_factor=0.5"),
        ({"rope_parameters": {"rope_type": "default", "partial_rotary_factor": 0.25}}, "partial_rotary_factor=0.25"),
        ({"num_key_value_heads": 3}, "share 3 keys"),
        ({"head_dim": 7}, "4 heads of 7 dimensions"),
        ({"hidden_act": "gelu_odd"}, "'gelu_odd'"),
    ],
)
def test_what_is_not_known_is_refused(changes, message):
    for family in ("llama", "qwen3"):
        with pytest.raises(ModelError, match=message):
            settings(family, **changes)


def test_layers_that_are_not_known_are_refused():
    with pytest.raises(ModelError, match="linear_attention"):
        settings("qwen3", layer_types=["linear_attention", FULL])
    with pytest.raises(ModelError, match="sliding_window=None"):
        settings("qwen2", layer_types=[SLIDING, FULL], use_sliding_window=False)
    with pytest.raises(ModelError, match="describes 1 layers of 2"):
        settings("qwen2", layer_types=[FULL])
    with pytest.raises(ModelError, match="attn_logit_softcapping=50"):
        settings("gemma3_text", attn_logit_softcapping=50.0)
    with pytest.raises(ModelError, match="text_config"):
        FAMILIES.get("gemma3").settings({"model_type": "gemma3"})
    with pytest.raises(ModelError, match="lacks what shapes the network: 'num_attention_heads'"):
        FAMILIES.get("llama").settings({"hidden_size": 8})


def test_both_spellings_of_rotary_positions_mean_the_same():
    scaling = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32}
    old = settings("llama", rope_theta=5e5, rope_scaling=scaling).turns
    new = settings("llama", rope_parameters=scaling | {"rope_theta": 5e5}).turns
    elsewhere = settings(
        "llama",
        rope_theta=5e5,
        original_max_position_embeddings=32,
        rope_scaling={"type": "yarn", "factor": 4.0},
    ).turns
    assert old.theta == new.theta == elsewhere.theta == 5e5
    lengths = {turns.scaling["original_max_position_embeddings"] for turns in (old, new, elsewhere)}
    assert lengths == {32}
    unsaid = settings("llama", rope_scaling={"type": "yarn", "factor": 4.0}).turns
    assert unsaid.scaling["original_max_position_embeddings"] == 128  # max_position_embeddings


def test_tables_of_turns_have_a_limit():
    for family in ("llama", "gemma3_text"):
        config = cases_of(family)[0].config | {"max_position_embeddings": 131_072}
        assert FAMILIES.get(family).most_tokens(config) == 32_768


@pytest.mark.parametrize("prefix", ["", "model.", "model.language_model.", "language_model.model."])
def test_weights_are_found_behind_the_prefixes_they_are_published_with(prefix, tmp_path):
    case = cases_of("gemma3")[0]
    folder = write_case(case, tmp_path / "model")
    tensors = seeded_tensors(case.shapes)
    pictures = {"vision_tower.norm.weight": np.ones(3, np.float32)}
    renamed = {prefix + name.removeprefix("language_model."): value for name, value in tensors.items()}
    save_file(renamed | pictures, folder / "model.safetensors")
    weights = read_checkpoint(folder).weights()
    assert np.array_equal(weights["norm.weight"], tensors["language_model.norm.weight"])
    assert len(weights) == len(tensors)


@pytest.mark.parametrize("changes", [{"relative_attention_num_buckets": 2}, {"feed_forward_proj": "gated-odd"}])
def test_a_t5_that_is_not_known_is_refused(changes, tmp_path):
    folder = write_case(cases_of("t5")[0], tmp_path / "model")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | changes))
    with pytest.raises(ModelError, match=r"num_buckets=2|'odd'"):
        read_checkpoint(folder)
