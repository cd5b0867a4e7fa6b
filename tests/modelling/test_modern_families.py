"""What is particular to ModernBERT and the families with rotary positions: windows, experts, tasks, refusals."""

from dataclasses import replace

import numpy as np
import pytest
from seeded import batches, cases_of, seeded_tensors, write_case

from likewise.errors import ModelError
from likewise.modelling.checkpoints import read_checkpoint
from likewise.modelling.experts import expert_load
from likewise.modelling.families import FAMILIES, family_name, rename
from likewise.modelling.families import jina_v3 as jina
from likewise.modelling.ops import Inputs
from likewise.modelling.ops.numpy_ops import NumpyOps


def case_of(name):
    return next(case for case in cases_of(name.split("-")[0]) if case.name == name)


def network(case, **changes):
    """The family, settings and weights of a case, with keys of its config.json changed."""
    family = FAMILIES.get(case.family)
    settings = family.settings(case.config | changes)
    return family, settings, rename(seeded_tensors(case.shapes), family.keys(settings))


def states(case, kind="long", **changes):
    family, settings, weights = network(case, **changes)
    return family.forward(NumpyOps(), weights, settings, Inputs(*batches(case.config)[kind]))


def test_a_local_layer_sees_half_a_window_to_each_side():
    """One layer with a window of 8, and one token changed: only those within 4 places of it change."""
    case = case_of("modernbert")
    one = {"num_hidden_layers": 1, "layer_types": ["sliding_attention"], "local_attention": 8}
    family, settings, weights = network(case, **one)
    ids, mask = batches(case.config)["long"]
    other = ids.copy()
    other[0, 40] = (ids[0, 40] + 1) % case.config["vocab_size"]
    before, after = (family.forward(NumpyOps(), weights, settings, Inputs(row, mask)) for row in (ids, other))
    changed = np.flatnonzero(np.abs(before - after).max(axis=-1)[0])
    assert changed.tolist() == list(range(36, 45))


def test_expert_load_counts_the_tokens_that_each_expert_was_chosen_for(tmp_path):
    case = case_of("nomic_bert-experts")
    checkpoint = read_checkpoint(write_case(case, tmp_path / "model"))
    weights, (ids, mask) = checkpoint.weights(), batches(case.config)["left"]
    load = expert_load(checkpoint.family.forward, weights, checkpoint.settings, Inputs(ids, mask))
    assert load.shape == (2, 5)  # of four layers every second has experts
    assert (load.sum(axis=1) == 2 * mask.sum()).all()
    alone = [Inputs(row[there > 0][None], there[there > 0][None]) for row, there in zip(ids, mask, strict=True)]
    each = [expert_load(checkpoint.family.forward, weights, checkpoint.settings, one) for one in alone]
    assert (load == sum(each)).all()


def test_a_network_without_experts_has_no_load():
    case = case_of("nomic_bert")
    family, settings, weights = network(case)
    assert expert_load(family.forward, weights, settings, Inputs(*batches(case.config)["right"])).shape == (0, 0)


def test_a_role_has_its_task_and_tasks_differ():
    case = case_of("jina_v3-no-task")
    config = {role: jina.for_role(case.config, role) for role in ("query", "document")}
    assert [config[role]["default_task"] for role in config] == ["retrieval.query", "retrieval.passage"]
    query, document, plain = states(case, **config["query"]), states(case, **config["document"]), states(case)
    assert min(np.abs(query - document).max(), np.abs(query - plain).max(), np.abs(document - plain).max()) > 0.1


def test_a_model_without_adapters_has_the_same_network_for_each_role():
    config = case_of("jina_v3-transformers").config
    assert jina.for_role(config, "query") == jina.for_role(config, "document") == config


@pytest.mark.parametrize("task", ["retrieval.query", None])
def test_folding_adapters_into_the_weights_once_changes_nothing(task):
    case = case_of("jina_v3")
    family, settings, weights = network(case, default_task=task)
    folded = family.fold(settings, weights)
    assert {name for name in folded if ".lora_" in name} == ({"tokens.lora_a", "tokens.lora_b"} if task else set())
    inputs = Inputs(*batches(case.config)["right"])
    each_time, once = (family.forward(NumpyOps(), these, settings, inputs) for these in (weights, folded))
    assert np.array_equal(each_time, once)


def test_with_adapters_weights_are_those_of_the_plain_network_and_two_more_each():
    case = case_of("jina_v3")
    family, settings, weights = network(case)
    plain = family.keys(replace(settings, lora_adaptations=(), default_task=None))
    added = {name for name in weights if name.endswith((".lora_a", ".lora_b"))}
    assert set(weights) == set(plain) | added
    assert len(added) == 2 * (2 + 4 * settings.network.num_hidden_layers)


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        ("modernbert", {"layer_types": ["full_attention"]}, "layer_types"),
        ("modernbert", {"layer_types": ["chunked_attention"] * 5}, "layer_types"),
        ("modernbert", {"classifier_pooling": "max"}, "classifier_pooling='max'"),
        ("modernbert", {"hidden_activation": "mish"}, "mish"),
        ("modernbert", {"num_attention_heads": 5}, "no multiple of 5 heads"),
        ("nomic_bert", {"prenorm": True}, "prenorm=True"),
        ("nomic_bert", {"rotary_emb_fraction": 0.5}, "rotary_emb_fraction=0.5"),
        ("nomic_bert", {"activation_function": "relu"}, "activation_function='relu'"),
        ("nomic_bert-transformers", {"head_dim": 4}, "head_dim=4"),
        ("nomic_bert-experts", {"moe_top_k": 6}, "6 of 5 experts"),
        ("nomic_bert-experts", {"moe_normalize_expert_weights": True}, "moe_normalize_expert_weights=True"),
        ("gte_new", {"position_embedding_type": "absolute"}, "position_embedding_type='absolute'"),
        ("gte_new", {"rope_scaling": {"type": "ntk", "factor": 2.0, "mixed_b": 0.5}}, "mixed_b=0.5"),
        ("gte_new", {"pack_qkv": False}, "pack_qkv=False"),
        ("jina_bert", {"position_embedding_type": "absolute"}, "position_embedding_type='absolute'"),
        ("jina_bert", {"feed_forward_type": "glu"}, "feed_forward_type='glu'"),
        ("jina_bert-code", {"feed_forward_type": "original"}, "feed_forward_type='original'"),
        ("jina_v3", {"default_task": "translation"}, "retrieval.query, retrieval.passage"),
        ("jina_v3", {"position_embedding_type": "absolute"}, "position_embedding_type='absolute'"),
        ("eurobert", {"classifier_pooling": "max"}, "classifier_pooling='max'"),
    ],
)
def test_what_a_family_can_not_run_is_refused(name, changes, message):
    with pytest.raises(ModelError, match=message):
        network(case_of(name), **changes)


@pytest.mark.parametrize(
    ("config", "family"),
    [
        ({"model_type": "bert", "architectures": ["JinaBertForMaskedLM"]}, "jina_bert"),
        ({"model_type": "bert", "auto_map": {"AutoModel": "a/b--modeling_bert.JinaBertModel"}}, "jina_bert"),
        ({"model_type": "bert", "architectures": ["BertModel"]}, "bert"),
        ({"model_type": "xlm-roberta", "auto_map": {"AutoModel": "a/b--modeling_lora.XLMRobertaLoRA"}}, "jina_v3"),
        ({"model_type": "jina_embeddings_v3", "architectures": ["JinaEmbeddingsV3Model"]}, "jina_v3"),
        ({"model_type": "new", "architectures": ["NewModel"]}, "gte_new"),
        ({"model_type": "gte", "architectures": ["GteModel"]}, "gte_new"),
    ],
)
def test_a_family_is_told_from_another_under_the_same_name(config, family):
    assert family_name(config) == family


def test_texts_longer_than_the_trained_length_are_refused_where_turns_depend_on_the_length():
    config = {"n_positions": 8192, "max_trained_positions": 2048}
    most = FAMILIES.get("nomic_bert").most_tokens
    assert most(config | {"rotary_scaling_factor": None}) == 8192
    assert most(config | {"rotary_scaling_factor": 2}) == 2048
