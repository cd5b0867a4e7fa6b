"""What an exported folder says about itself: a README with a program that runs the model."""

from collections.abc import Mapping
from pathlib import Path

import tokenizers

from likewise.encoding.contract import Contract
from likewise.encoding.finding import Found
from likewise.encoding.scoring import declared_activation
from likewise.modelling.checkpoints import Checkpoint
from likewise.modelling.network import OUTPUTS, STATES
from likewise.tokenizing import open_tokenizer

_TEXTS = ("Barn owls hunt at night.", "The capital of France is Paris.")
_PAIRS = (("what do owls eat", _TEXTS[0]), ("what do owls eat", _TEXTS[1]))
_RUN: Mapping[str, tuple[str, str]] = {  # format -> what to import, and how to run it
    "onnx": (
        "onnxruntime",
        'session = onnxruntime.InferenceSession("model.onnx", providers=["CPUExecutionProvider"])\n'
        '(found,) = session.run(["{output}"], feed)  # {shape}',
    ),
    "openvino": (
        "openvino",
        'options = {{"INFERENCE_PRECISION_HINT": "f32"}}  # else half precision where the processor has it\n'
        'network = openvino.Core().compile_model("openvino_model.xml", "CPU", options)\n'
        'found = network(feed)["{output}"]  # {shape}',
    ),
}
_FORMS = {
    "float32": "float32 throughout",
    "int8": "weights in int8, with inputs of products in uint8",
    "int4": "weights in int4 with a scale for each group, the vocabulary's table in int8, all else in float32",
}
_SHAPES = {
    "dense": "(2, {0}): a vector a text",
    "sparse": "(2, {0}): a weight for each token of the vocabulary",
    "multi_vector": "(2, T, {0}): a vector a token",
    "scores": "(2, {0}): a score for each label, before the activation",
}


def write_notes(folder: Path, found: Found, checkpoint: Checkpoint, contract: Contract, *, to: str) -> None:
    """Write the README.md of an exported network.

    Args:
        folder: Where.
        found: What was exported.
        checkpoint: What it declares.
        contract: Of the exported network.
        to: The format.
    """
    name = published_name(found)
    parts = [_front(found), f"# {name}, for {_RUN[to][0]}", _origin(found, contract)]
    parts += [*_properties(checkpoint, contract), _program(checkpoint, contract, to)]
    (folder / "README.md").write_text("\n\n".join(part for part in parts if part) + "\n", encoding="utf-8")


def published_name(found: Found) -> str:
    """A model's name without where it lies on this machine."""
    return Path(found.name).resolve().name if found.source == "folder" else found.name


def _front(found: Found) -> str:
    """The front matter, from which the hub and ``likewise`` read the licence."""
    licence, _, name = (found.licence or "").removesuffix(")").partition(" (")
    lines = [f"license: [{licence.replace(' and ', ', ')}]"] if licence else []
    lines += [f"license_name: {name}"] if name else []
    return "\n".join(["---", *lines, "---"]) if lines else ""


def _origin(found: Found, contract: Contract) -> str:
    at = f" at {found.revision}" if found.revision else ""
    return (
        f"Made by likewise from {published_name(found)}{at}; {_FORMS[contract.precision]}. The whole way from ids to "
        "vectors is in it, pooling and normalising too. `manifest.json` holds its contract and the digest of each file."
    )


def _properties(checkpoint: Checkpoint, contract: Contract) -> list[str]:
    """What the network leaves to its caller."""
    lines = [f"Texts have at most {contract.max_tokens} tokens. Vectors are compared by {contract.similarity}."]
    if checkpoint.chain.kind == "scores":
        lines = [f"Pairs have at most {contract.max_tokens} tokens. Scores get the {declared_activation(checkpoint)}."]
    if checkpoint.chain.kind == "dense":
        lines.append(f"A second output, `{STATES}`, holds the states of the tokens (B, T, D).")
    if prompts := {role: text for role, text in contract.prompts.items() if text}:
        lines.append(
            "Prompts to put in front: " + ", ".join(f"{role} {text!r}" for role, text in prompts.items()) + "."
        )
    if checkpoint.chain.splits_prompt:
        lines.append(
            "`pooling_mask` is the attention mask with 0 for the tokens of the prompt, which pooling leaves out."
        )
    if checkpoint.chain.query_weights:
        lines.append(f"The network is for documents; weights for queries are in `{checkpoint.chain.query_weights}`.")
    if checkpoint.chain.kind == "multi_vector":
        lines.append(
            "Markers, query expansion and skipped words are not in the network, but in the settings beside it."
        )
    return [" ".join(lines)]


def _program(checkpoint: Checkpoint, contract: Contract, to: str) -> str:
    if checkpoint.family.characters:
        size = checkpoint.family.characters
        return f"`input_ids` are words as {size} characters each, (B, T, {size}): see `likewise.tokenizing.characters`."
    library, run = _RUN[to]
    names = ["input_ids", "attention_mask"] + ["token_type_ids"] * checkpoint.reads_segments
    place = f"{checkpoint.chain.network}/" if checkpoint.chain.network else ""
    plain = _reads_plainly(checkpoint)
    feed = _plain_feed(checkpoint, contract, names, place) if plain else _other_feed(checkpoint, contract, names, place)
    if checkpoint.chain.splits_prompt:
        feed += '\nfeed["pooling_mask"] = feed["attention_mask"].copy()'
    shape = _SHAPES[checkpoint.chain.kind].format(contract.dimension)
    run = run.format(output=OUTPUTS.get(checkpoint.chain.kind, "logits"), shape=shape)
    imports = [f"import {one}" for one in sorted([library, "tokenizers" if plain else "transformers"])]
    code = "\n".join(["import numpy as np", *imports, "", feed, run])
    return f"```python\n{code}\n```"


def _reads_plainly(checkpoint: Checkpoint) -> bool:
    """Whether ``tokenizer.json`` alone, in the library's reading, gives the ids that the model was trained with."""
    path = checkpoint.network / "tokenizer.json"
    if not path.is_file():
        return False
    ours, library = open_tokenizer(checkpoint.network), tokenizers.Tokenizer.from_file(str(path))
    library.no_truncation()
    library.no_padding()
    if checkpoint.chain.kind != "scores":
        return bool(library.encode(_TEXTS[0]).ids == ours.frame(ours.encode(_TEXTS[:1])[0]).tolist())
    ids, segments = ours.pair(*ours.encode(_PAIRS[0]))
    theirs = library.encode(*_PAIRS[0])
    return bool(theirs.ids == ids.tolist() and theirs.type_ids == segments.tolist())


def _plain_feed(checkpoint: Checkpoint, contract: Contract, names: list[str], place: str) -> str:
    fields = {"input_ids": "ids", "attention_mask": "attention_mask", "token_type_ids": "type_ids"}
    rows = "\n".join(f'    "{name}": np.array([one.{fields[name]} for one in encoded], np.int64),' for name in names)
    return (
        f'tokenizer = tokenizers.Tokenizer.from_file("{place}tokenizer.json")\n'
        f"tokenizer.enable_truncation({contract.max_tokens})\n"
        f"tokenizer.enable_padding(pad_id={open_tokenizer(checkpoint.network).pad_id})\n"
        f"encoded = tokenizer.encode_batch({_examples(checkpoint, contract)!r})\n"
        f"feed = {{\n{rows}\n}}"
    )


def _other_feed(checkpoint: Checkpoint, contract: Contract, names: list[str], place: str) -> str:
    given, most = _examples(checkpoint, contract), contract.max_tokens
    return (
        f'tokenizer = transformers.AutoTokenizer.from_pretrained("./{place}")\n'
        f'options = {{"padding": True, "truncation": True, "max_length": {most}, "return_tensors": "np"}}\n'
        f"encoded = tokenizer({given!r}, **options)\n"
        f"feed = {{name: encoded[name].astype(np.int64) for name in {names!r}}}"
    )


def _examples(checkpoint: Checkpoint, contract: Contract) -> list[str] | list[tuple[str, str]]:
    if checkpoint.chain.kind == "scores":
        return list(_PAIRS)
    return [contract.prompt("document") + text for text in _TEXTS]
