"""The chain of modules that a model folder declares: the network, what is on top of it, and the steps after it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from likewise.errors import ModelError
from likewise.modelling.steps import STEPS, Pooling, Step

Kind = Literal["dense", "sparse", "multi_vector", "scores"]
_KINDS: Mapping[str, Kind] = {
    "SentenceTransformer": "dense",
    "SparseEncoder": "sparse",
    "MultiVectorEncoder": "multi_vector",
    "ColBERT": "multi_vector",
    "CrossEncoder": "scores",
}
_NETWORKS = {"Transformer": None, "MLMTransformer": "masked_language"}  # module type -> the head that it has


@dataclass(frozen=True, slots=True)
class Link:
    """A step, and where it is kept."""

    kind: str  # the last part of its published type
    path: str  # its folder inside the model's
    step: Step


@dataclass(frozen=True, slots=True)
class Chain:
    """What a model gives, and how."""

    kind: Kind
    head: str | None  # "masked_language", "classification", or none: the network's states
    links: tuple[Link, ...]

    @property
    def normalise(self) -> bool:
        """Whether vectors have unit length."""
        return bool(self.links) and self.links[-1].kind == "Normalize"

    @property
    def splits_prompt(self) -> bool:
        """Whether the tokens of the prompt are left out of pooling."""
        return any(isinstance(link.step, Pooling) and not link.step.include_prompt for link in self.links)

    def describe(self) -> str:
        """In words, without the normalising at the end, which has a field of its own in the contract."""
        links = self.links[:-1] if self.normalise else self.links
        parts = ["+".join(link.step.modes) if isinstance(link.step, Pooling) else link.kind for link in links]
        return " → ".join(([self.head] if self.head else []) + parts) or "tokens"


def read_chain(folder: Path, config: Mapping[str, Any], declared: Mapping[str, Any]) -> Chain:
    """The chain of a model folder.

    Raises:
        ModelError: None is declared, or it has a module that is not known.
    """
    if not (folder / "modules.json").is_file():
        if any(str(one).endswith("ForSequenceClassification") for one in config.get("architectures") or []):
            return Chain("scores", "classification", ())
        raise ModelError(
            f'{folder} has no modules.json: add [{{"idx": 0, "type": "Transformer", "path": ""}}, {{"idx": 1, "type": '
            '"Pooling", "path": "1_Pooling"}] and 1_Pooling/config.json so that the pooling is declared'
        )
    modules = _modules(folder / "modules.json")
    network, path = modules[0]
    if network not in _NETWORKS or path:
        raise ModelError(f"{folder / 'modules.json'} begins with {network!r}; known are {', '.join(_NETWORKS)} at ''")
    links = tuple(Link(kind, path, _step(folder, kind, path)) for kind, path in modules[1:])
    head = _NETWORKS[network] or _head(folder)
    chain = Chain(_kind(declared, links, head), head, links)
    if chain.kind == "dense" and not any(link.kind.endswith("Pooling") for link in links):
        chained = " → ".join(kind for kind, _ in modules)
        raise ModelError(f"{folder / 'modules.json'} chains {chained}: no pooling is declared, and none is guessed")
    return chain


def _modules(path: Path) -> list[tuple[str, str]]:
    try:
        modules = [(str(module["type"]).rsplit(".", 1)[-1], str(module["path"])) for module in read_json(path)]
    except (TypeError, KeyError, AttributeError) as error:
        raise ModelError(f"{path} is no list of modules with a type and a path each") from error
    if not modules or any(Path(place).is_absolute() or ".." in Path(place).parts for _, place in modules):
        raise ModelError(f"{path} is empty, or names a module outside of the model's folder")
    return modules


def _step(folder: Path, kind: str, path: str) -> Step:
    place = folder / path / "config.json"
    read = STEPS.find(kind)
    config = read_json(place, optional=kind == "Normalize")
    try:
        return read(config)
    except ModelError as error:
        raise ModelError(f"{place} {error}") from error
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(f"{place} does not describe a {kind} module: {error!r}") from error


def _head(folder: Path) -> str | None:
    task = read_json(folder / "sentence_bert_config.json", optional=True).get("transformer_task", "feature-extraction")
    known = {"feature-extraction": None, "fill-mask": "masked_language", "sequence-classification": "classification"}
    if task not in known:
        raise ModelError(f"sentence_bert_config.json asks for the task {task!r}; known are {', '.join(known)}")
    return known[task]


def _kind(declared: Mapping[str, Any], links: tuple[Link, ...], head: str | None) -> Kind:
    if declared.get("model_type") in _KINDS:
        return _KINDS[declared["model_type"]]
    if head == "classification":
        return "scores"
    return "sparse" if any(link.kind == "SpladePooling" for link in links) else "dense"


def read_json(path: Path, *, optional: bool = False) -> Any:
    """The contents of a file, {} if it may be missing and is.

    Raises:
        ModelError: It can't be read.
    """
    if optional and not path.is_file():
        return {}
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} can't be read: {error}") from error
