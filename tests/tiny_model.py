"""A model folder in the published format, small and of seeded random weights."""

import json
from pathlib import Path

import numpy as np
import tokenizers
from safetensors.numpy import save_file
from tokenizers import models, normalizers, pre_tokenizers, processors

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *"abcdefgh", *(f"##{letter}" for letter in "abcdefgh")]
CONFIG = {
    "model_type": "bert",
    "hidden_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 3,
    "intermediate_size": 40,
    "max_position_embeddings": 32,
    "vocab_size": len(WORDS),
    "hidden_act": "gelu",
    "layer_norm_eps": 1e-12,
    "attention_probs_dropout_prob": 0.1,  # concerns training, and is passed over
}


def published_tensors(*, prefix: str = "") -> dict[str, np.ndarray]:
    """Weights of CONFIG under the names that Hugging Face gives them."""
    random = np.random.default_rng(7)
    width, inner = CONFIG["hidden_size"], CONFIG["intermediate_size"]
    shapes = {
        "embeddings.word_embeddings.weight": (len(WORDS), width),
        "embeddings.position_embeddings.weight": (CONFIG["max_position_embeddings"], width),
        "embeddings.token_type_embeddings.weight": (2, width),
    }
    norms = ["embeddings.LayerNorm"]
    for i in range(CONFIG["num_hidden_layers"]):
        layer = f"encoder.layer.{i}"
        parts = {f"attention.self.{name}": (width, width) for name in ("query", "key", "value")}
        parts |= {"attention.output.dense": (width, width)}
        parts |= {"intermediate.dense": (inner, width), "output.dense": (width, inner)}
        shapes |= {f"{layer}.{part}.weight": shape for part, shape in parts.items()}
        shapes |= {f"{layer}.{part}.bias": shape[:1] for part, shape in parts.items()}
        norms += [f"{layer}.attention.output.LayerNorm", f"{layer}.output.LayerNorm"]
    tensors = {name: random.normal(scale=0.4, size=shape) for name, shape in shapes.items()}
    for norm in norms:
        tensors |= {f"{norm}.weight": random.uniform(0.5, 1.5, width), f"{norm}.bias": random.normal(size=width)}
    return {prefix + name: tensor.astype(np.float32) for name, tensor in tensors.items()}


def write_tokenizer(path: Path) -> None:
    made = tokenizers.Tokenizer(models.WordPiece({word: i for i, word in enumerate(WORDS)}, unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer()
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    made.enable_truncation(8)  # as published files have it; the caller decides, so it must be switched off
    made.enable_padding(length=8)
    made.save(str(path))


def write_model(folder: Path, *, pooling: str = "mean", normalise: bool = True, prefix: str = "") -> Path:
    """A folder as sentence-transformers publishes it."""
    (folder / "1_Pooling").mkdir(parents=True)
    kinds = [("Transformer", ""), ("Pooling", "1_Pooling")] + [("Normalize", "2_Normalize")] * normalise
    types = [(path, f"sentence_transformers.models.{kind}") for kind, path in kinds]
    chain = [{"idx": i, "name": str(i), "path": path, "type": kind} for i, (path, kind) in enumerate(types)]
    for name, value in {
        "config.json": CONFIG,
        "modules.json": chain,
        "1_Pooling/config.json": {"word_embedding_dimension": CONFIG["hidden_size"], "pooling_mode": pooling},
        "sentence_bert_config.json": {"max_seq_length": 16},
        "config_sentence_transformers.json": {"prompts": {"query": "a ", "passage": ""}},
    }.items():
        (folder / name).write_text(json.dumps(value))
    save_file(published_tensors(prefix=prefix), folder / "model.safetensors")
    write_tokenizer(folder / "tokenizer.json")
    return folder
