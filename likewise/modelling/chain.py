"""The chain of modules that a model folder declares: the network, what is on top of it, and the steps after it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from likewise.errors import ModelError
from likewise.modelling.static_files import is_model2vec
from likewise.modelling.steps import STEPS, Dense, Normalize, Pooling, SpladePooling, Step
from likewise.modelling.tensors import read_tensors

Kind = Literal["dense", "sparse", "multi_vector", "scores"]
_KINDS: Mapping[str, Kind] = {
    "SentenceTransformer": "dense",
    "SparseEncoder": "sparse",
    "MultiVectorEncoder": "multi_vector",
    "ColBERT": "multi_vector",
    "CrossEncoder": "scores",
}
_NETWORKS = {"Transformer": None, "MLMTransformer": "masked_language"}  # module type -> the head that it has
_TABLE = "StaticEmbedding"


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
    network: str = ""  # the folder of the network inside the model's; not "" where queries take another way
    query_weights: str = ""  # the folder of weights for queries, which then need no network
    static: bool = False  # the network is a table of token vectors, whose average is the first of the links

    @property
    def normalise(self) -> bool:
        """Whether vectors have unit length."""
        return bool(self.links) and self.links[-1].kind == "Normalize"

    @property
    def splits_prompt(self) -> bool:
        """Whether the tokens of the prompt are left out of pooling."""
        return any(isinstance(link.step, Pooling) and not link.step.include_prompt for link in self.links)

    @property
    def takes_greatest(self) -> bool:
        """Whether nothing but the greatest scores over the tokens is read of the head."""
        step = self.links[0].step if self.head and self.links else None
        return isinstance(step, SpladePooling) and step.strategy == "max"

    def describe(self) -> str:
        """In words, without the normalising at the end, which has a field of its own in the contract."""
        links = self.links[:-1] if self.normalise else self.links
        return " → ".join(([self.head] if self.head else []) + [_described(link) for link in links]) or "tokens"


def _described(link: Link) -> str:
    """What a link does, as far as its weights do not say it; of SPLADE's poolings the usual one has no more words."""
    if isinstance(link.step, Pooling):
        return "+".join(link.step.modes)
    if isinstance(link.step, SpladePooling) and link.step != SpladePooling("max", "relu"):
        return f"{link.kind} {link.step.strategy}, {link.step.activation}"
    return link.kind


def read_chain(folder: Path) -> Chain:
    """The chain of a model folder.

    Raises:
        ModelError: None is declared, or it has a module that is not known.
    """
    declared = read_json(folder / "config_sentence_transformers.json", optional=True)
    if not (folder / "modules.json").is_file():
        return _undeclared(folder)
    modules = _modules(folder / "modules.json")
    if modules[0] == ("Router", ""):
        return _routed(folder)
    network, path = modules[0]
    if network == _TABLE:
        return _averaged(tuple(_link(folder, kind, path) for kind, path in modules[1:]), network=path)
    if network not in _NETWORKS or path:
        known = f"{', '.join(_NETWORKS)} at '', {_TABLE} anywhere"
        raise ModelError(f"{folder / 'modules.json'} begins with {network!r}; known are {known}")
    links = tuple(_link(folder, kind, path) for kind, path in modules[1:])
    head = _NETWORKS[network] or _head(folder)
    kind = _kind(declared, links, head)
    if kind == "dense" and not any(link.kind.endswith("Pooling") for link in links):
        chained = " → ".join(kind for kind, _ in modules)
        raise ModelError(f"{folder / 'modules.json'} chains {chained}: no pooling is declared, and none is guessed")
    if declared.get("model_type") == "ColBERT" and links[-1].kind != "Normalize":  # its normalising is not in the chain
        links += (Link("Normalize", "", Normalize()),)
    return Chain(kind, head, links)


def _averaged(links: tuple[Link, ...], *, network: str) -> Chain:
    """The chain of a table of token vectors, in the folder ``network`` of the model's."""
    average = Link("Pooling", "", Pooling(("mean",), include_prompt=True, dimension=None))
    return Chain("dense", None, (average, *links), network="" if network == "." else network, static=True)


def _undeclared(folder: Path) -> Chain:
    """The chain of a folder without modules.json, where its network leaves only one."""
    config = read_json(folder / "config.json")
    architectures = [str(one) for one in config.get("architectures") or []]
    if is_model2vec(folder, config):
        links = (Link("Normalize", "", Normalize()),) if config.get("normalize") else ()
        return _averaged(links, network="")
    if any(one.endswith("ForSequenceClassification") for one in architectures):
        return Chain("scores", "classification", ())
    if "HF_ColBERT" in architectures:
        return Chain("multi_vector", None, (Link("Dense", "", projection(folder)), Link("Normalize", "", Normalize())))
    pooling = "SpladePooling" if any(one.endswith("ForMaskedLM") for one in architectures) else "Pooling"
    network = "MLMTransformer" if pooling == "SpladePooling" else "Transformer"
    raise ModelError(
        f'{folder} has no modules.json: add [{{"idx": 0, "type": "{network}", "path": ""}}, {{"idx": 1, "type": '
        f'"{pooling}", "path": "1_{pooling}"}}] and 1_{pooling}/config.json so that the pooling is declared'
    )


def projection(folder: Path) -> Dense:
    """The map to a token's vector that published ColBERT models keep beside the network."""
    shapes = {name: value.shape for name, value in read_tensors(folder).values.items() if name == "linear.weight"}
    if not shapes:
        raise ModelError(f"{folder} is a ColBERT model without linear.weight, which makes a token's vector")
    out_features, in_features = shapes["linear.weight"]
    return Dense(in_features, out_features, bias=False, activation="Identity", residual=False)


def _routed(folder: Path) -> Chain:
    """A sparse model whose queries need no network: weights of the vocabulary for them, a chain for documents."""
    place = folder / "router_config.json"
    routes = read_json(place)
    try:
        types = {name: str(kind).rsplit(".", 1)[-1] for name, kind in routes["types"].items()}
        query, document = routes["structure"]["query"], routes["structure"]["document"]
    except (KeyError, TypeError, AttributeError) as error:
        raise ModelError(f"{place} does not describe the ways of queries and documents: {error!r}") from error
    kinds = [types.get(name, "") for name in document]
    if [types.get(name) for name in query] != ["SparseStaticEmbedding"] or kinds[0] not in _NETWORKS:
        raise ModelError(
            f"{place} routes queries through {query} and documents through {document}; known are routers of sparse "
            "models, with SparseStaticEmbedding for queries and a network for documents"
        )
    links = tuple(_link(folder, kind, name) for kind, name in zip(kinds[1:], document[1:], strict=True))
    head = _NETWORKS[kinds[0]] or _head(folder / document[0])
    return Chain("sparse", head, links, network=document[0], query_weights=query[0])


def _modules(path: Path) -> list[tuple[str, str]]:
    try:
        modules = [(str(module["type"]).rsplit(".", 1)[-1], str(module["path"])) for module in read_json(path)]
    except (TypeError, KeyError, AttributeError) as error:
        raise ModelError(f"{path} is no list of modules with a type and a path each") from error
    if not modules or any(Path(place).is_absolute() or ".." in Path(place).parts for _, place in modules):
        raise ModelError(f"{path} is empty, or names a module outside of the model's folder")
    return modules


def _link(folder: Path, kind: str, path: str) -> Link:
    return Link(kind, path, _step(folder, kind, path))


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
