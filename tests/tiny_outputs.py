"""Tiny model folders of random weights that give other things than one vector: sparse, a vector a token, scores."""

import json
from pathlib import Path

import numpy as np
import tokenizers
from safetensors.numpy import save_file
from tiny_model import CONFIG, published_tensors
from tokenizers import models, normalizers, pre_tokenizers, processors

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "[unused0]", "[unused1]"]
WORDS = [*SPECIAL, ".", ",", *"abcdefgh", *(f"##{letter}" for letter in "abcdefgh")]
TEXTS = ["abc de", "f g h. a, b", "a", "hgf edc ba hgf edc ba."]
PAIRS = [("abc", "de f"), ("a", "b, c. d"), ("hgfedcba", "a")]
WIDTH = CONFIG["hidden_size"]


def _random(*shape: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng([seed, *shape]).normal(scale=0.5, size=shape).astype(np.float32)


def _network(*, prefix: str = "bert.") -> dict[str, np.ndarray]:
    tensors = published_tensors(prefix=prefix)
    tensors[f"{prefix}embeddings.word_embeddings.weight"] = _random(len(WORDS), WIDTH)
    return tensors


def _write(folder: Path, files: dict, tensors: dict[str, np.ndarray]) -> Path:
    for name, value in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(json.dumps(value))
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    write_tokenizer(folder)
    return folder


def write_tokenizer(folder: Path) -> None:
    made = tokenizers.Tokenizer(models.WordPiece({word: i for i, word in enumerate(WORDS)}, unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer()
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    made.add_special_tokens(SPECIAL[:5])
    made.save(str(folder / "tokenizer.json"))
    names = {f"{name}_token": f"[{name.upper()}]" for name in ("pad", "unk", "cls", "sep", "mask")}
    inputs = ["input_ids", "token_type_ids", "attention_mask"]
    settings = {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": 24, "model_input_names": inputs}
    settings |= names
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))


def _config(architecture: str, **more) -> dict:
    return {**CONFIG, "vocab_size": len(WORDS), "architectures": [architecture], "type_vocab_size": 2, **more}


def _chain(*kinds: tuple[str, str]) -> list[dict]:
    return [{"idx": i, "name": str(i), "path": path, "type": kind} for i, (kind, path) in enumerate(kinds)]


_TRANSFORMER = "sentence_transformers.base.modules.transformer.Transformer"
_SPARSE = "sentence_transformers.sparse_encoder.modules"


def _masked_language() -> dict[str, np.ndarray]:
    head = {
        "cls.predictions.transform.dense.weight": _random(WIDTH, WIDTH),
        "cls.predictions.transform.dense.bias": _random(WIDTH),
        "cls.predictions.transform.LayerNorm.weight": 1 + _random(WIDTH, seed=2),
        "cls.predictions.transform.LayerNorm.bias": _random(WIDTH, seed=3),
        "cls.predictions.bias": _random(len(WORDS)),
    }
    return _network() | head


def write_sparse(folder: Path, *, strategy: str = "max", activation: str = "relu", older: bool = False) -> Path:
    network = f"{_SPARSE}.mlm_transformer.MLMTransformer" if older else _TRANSFORMER
    files = {
        "config.json": _config("BertForMaskedLM"),
        "modules.json": _chain((network, ""), (f"{_SPARSE}.splade_pooling.SpladePooling", "1_SpladePooling")),
        "1_SpladePooling/config.json": {"pooling_strategy": strategy, "activation_function": activation},
        "config_sentence_transformers.json": {"model_type": "SparseEncoder", "prompts": {"query": "", "document": ""}},
        "sentence_bert_config.json": {"max_seq_length": 24} if older else {"transformer_task": "fill-mask"},
    }
    return _write(folder, files, _masked_language())


def write_routed(folder: Path) -> Path:
    """Queries by weights alone, documents by the network."""
    network, pooling = "document_0_MLMTransformer", "document_1_SpladePooling"
    _write(folder / network, {"config.json": _config("BertForMaskedLM")}, _masked_language())
    (folder / network / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": 24}))
    query = folder / "query_0_SparseStaticEmbedding"
    query.mkdir()
    write_tokenizer(query)
    (query / "config.json").write_text(json.dumps({"frozen": False}))
    save_file({"weight": np.abs(_random(len(WORDS)))}, query / "model.safetensors")
    types = {
        query.name: f"{_SPARSE}.sparse_static_embedding.SparseStaticEmbedding",
        network: f"{_SPARSE}.mlm_transformer.MLMTransformer",
        pooling: f"{_SPARSE}.splade_pooling.SpladePooling",
    }
    structure = {"query": [query.name], "document": [network, pooling]}
    routes = {"types": types, "structure": structure, "parameters": {"default_route": "document"}}
    files = {
        "modules.json": _chain(("sentence_transformers.base.modules.router.Router", "")),
        "router_config.json": routes,
        f"{pooling}/config.json": {"pooling_strategy": "max", "activation_function": "log1p_relu"},
        "config_sentence_transformers.json": {"model_type": "SparseEncoder", "prompts": {"query": "", "document": ""}},
    }
    for name, value in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(json.dumps(value))
    return folder


def write_multi_vector(folder: Path, *, expansion: dict | None, skipped: tuple[str, ...] = (".", ",")) -> Path:
    """As sentence-transformers 6 writes it."""
    own = "sentence_transformers.multi_vector_encoder.modules.multi_vector_mask.MultiVectorMask"
    base = "sentence_transformers.base.modules"
    dense = {"in_features": WIDTH, "out_features": 8, "bias": False}
    dense |= {"activation_function": "torch.nn.modules.linear.Identity", "module_input_name": "token_embeddings"}
    files = {
        "config.json": _config("BertModel"),
        "modules.json": _chain(
            (_TRANSFORMER, ""),
            (f"{base}.dense.Dense", "1_Dense"),
            (own, "2_MultiVectorMask"),
            (f"{base}.normalize.Normalize", "3_Normalize"),
        ),
        "1_Dense/config.json": dense,
        "2_MultiVectorMask/config.json": {"skiplist_words": list(skipped), "skiplist_tasks": ["document"]},
        "3_Normalize/config.json": {"module_input_name": "token_embeddings"},
        "config_sentence_transformers.json": {
            "model_type": "MultiVectorEncoder",
            "prompts": {"query": "a ", "document": ""},
        },
        "sentence_bert_config.json": {"query_expansion": expansion, "transformer_task": "feature-extraction"},
    }
    _write(folder, files, _network(prefix=""))
    save_file({"linear.weight": _random(8, WIDTH)}, folder / "1_Dense" / "model.safetensors")
    return folder


def write_stanford(folder: Path) -> Path:
    """As Stanford's ColBERT writes it: the projection beside the network, the rest in artifact.metadata."""
    metadata = {"query_maxlen": 12, "doc_maxlen": 20, "mask_punctuation": True, "attend_to_mask_tokens": False}
    metadata |= {"query_token_id": "[unused0]", "doc_token_id": "[unused1]"}
    files = {"config.json": _config("HF_ColBERT"), "artifact.metadata": metadata}
    return _write(folder, files, _network() | {"linear.weight": _random(8, WIDTH)})


def write_cross_encoder(folder: Path, *, labels: int = 1, activation: str = "", modules: bool = False) -> Path:
    tensors = _network() | {
        "bert.pooler.dense.weight": _random(WIDTH, WIDTH, seed=4),
        "bert.pooler.dense.bias": _random(WIDTH, seed=5),
        "classifier.weight": _random(labels, WIDTH, seed=6),
        "classifier.bias": _random(labels, seed=7),
    }
    named = {str(i): f"label {i}" for i in range(labels)}
    config = _config("BertForSequenceClassification", id2label=named, label2id={v: int(k) for k, v in named.items()})
    if activation and not modules:
        config["sentence_transformers"] = {"activation_fn": activation}
    files = {"config.json": config}
    if modules:
        files |= {
            "modules.json": _chain((_TRANSFORMER, "")),
            "sentence_bert_config.json": {"transformer_task": "sequence-classification"},
            "config_sentence_transformers.json": {"model_type": "CrossEncoder", "activation_fn": activation},
        }
    return _write(folder, files, tensors)


SIGMOID, IDENTITY = "torch.nn.modules.activation.Sigmoid", "torch.nn.modules.linear.Identity"
SPARSE = {
    "max": lambda folder: write_sparse(folder),
    "sum-log1p": lambda folder: write_sparse(folder, strategy="sum", activation="log1p_relu", older=True),
    "routed": write_routed,
}
MULTI_VECTOR = {
    "plain": lambda folder: write_multi_vector(folder, expansion=None),
    "expanded": lambda folder: write_multi_vector(
        folder, expansion={"strategy": "fixed", "attend": False, "length": 10, "token": None}
    ),
    "attended": lambda folder: write_multi_vector(
        folder, expansion={"strategy": "min", "attend": True, "length": 8, "token": "[SEP]"}
    ),
    "stanford": write_stanford,
}
SCORERS = {
    "one": lambda folder: write_cross_encoder(folder),
    "identity": lambda folder: write_cross_encoder(folder, activation=IDENTITY),
    "three": lambda folder: write_cross_encoder(folder, labels=3),
    "modules": lambda folder: write_cross_encoder(folder, labels=2, activation=SIGMOID, modules=True),
}
