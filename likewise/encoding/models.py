"""A model's name to an encoder."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from platformdirs import user_cache_path

from likewise.artifacts import sha256
from likewise.encoding.catalogue import KnownModel, find_known
from likewise.encoding.compiled import Running, open_network
from likewise.encoding.contract import Contract
from likewise.encoding.encoder import Encoder
from likewise.encoding.engines import ENGINES, Engine
from likewise.encoding.finding import Found, find_model
from likewise.encoding.packing import Precision, fit_ranges
from likewise.encoding.static import open_static, tokenizer_of
from likewise.errors import ArtifactError, ModelError, SettingError, UnknownNameError
from likewise.modelling.chain import Kind
from likewise.modelling.checkpoints import Checkpoint, read_checkpoint
from likewise.modelling.families import FAMILIES, FOREIGN
from likewise.modelling.tensors import WEIGHTS
from likewise.tokenizing import Tokenizer

AUTO_PRECISION = "int8"  # by measurement: docs/benchmarks.md, "Which precision is the default"
Progress = Callable[[str], None]
_LOADERS = {"dense": "load", "sparse": "load_sparse", "multi_vector": "load_multi_vector", "scores": "load_scorer"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where a model may come from."""

    revision: str | None = None  # a branch, tag or commit of the hub
    offline: bool | None = None  # open no socket; None: as the environment says
    accept_licence: bool = False  # use the model although its licence is not a permissive one


@dataclass(frozen=True, slots=True, kw_only=True)
class VectorForm:
    """What vectors are made of the network's."""

    dimension: int | None = None  # the first so many components, at unit length again; None: all
    untrained: bool = False  # cut the vectors of a model that was not trained for it, or not to this dimension
    output: Precision = "float32"  # what they are stored in


@dataclass(frozen=True, slots=True)
class Opened:
    """A model that is ready to run."""

    found: Found
    checkpoint: Checkpoint
    contract: Contract
    tokenizer: Tokenizer
    engine: Engine


def load(
    name_or_folder: str | Path,
    *,
    precision: str = "auto",
    vectors: VectorForm = VectorForm(),
    engine: str = "auto",
    source: Source = Source(),
    cache: Path | None = None,
    progress: Progress = lambda _: None,
) -> Encoder:
    """An encoder, from a model's name or from a folder in the sentence-transformers format.

    Args:
        name_or_folder: "all-MiniLM-L6-v2", "organisation/name" on the hub, or a path.
        precision: Of the network: "float32", "int8" (faster, vectors at a mean cosine of 0.996 to float32), "int4" (a
            fifth of the bytes at the speed of float32, a mean cosine of 0.96), what else the engine has, or "auto",
            which is int8 where the engine has it, and float32 for static models, which are fastest so.
            ``likewise models quantize`` measures them for any model.
        vectors: Their dimension, if it is not the network's, and what they are stored in.
        engine: What runs the network: "openvino", one that an extra brings ("onnxruntime", "torch", "transformers"), or
            "auto", which is openvino, and transformers for a network that has no family here.
        source: Revision, offline, and the acceptance of a licence.
        cache: Where compiled networks are kept; the user's cache folder if None.
        progress: Told, in a sentence, before anything that takes seconds. The first load of a model compiles it.

    Raises:
        UnknownNameError: No model and no folder of that name.
        ModelError: It is known but not installed (the message says how), or does not declare what is needed, or was
            not trained for the dimension.
        ArtifactError: Its weights are not the published ones, or damaged.

    Example:
        >>> import likewise as lw
        >>> lw.load("all-MiniLM-L6-v2").encode(["A cat.", "A kitten."], role="document").shape
        (2, 384)
    """
    running = Running(engine, precision)
    opened = open_model(name_or_folder, "dense", running, source=source, cache=cache, progress=progress)
    contract = _cut(opened, vectors)
    split = opened.checkpoint.chain.splits_prompt
    encoder = Encoder(opened.found.name, contract, opened.tokenizer, opened.engine, splits_prompt=split)
    encoder.revision = opened.found.revision
    return _stored_as(encoder, vectors.output)


def open_model(
    name_or_folder: str | Path,
    kind: Kind,
    running: Running,
    *,
    source: Source = Source(),
    cache: Path | None = None,
    progress: Progress = lambda _: None,
) -> Opened:
    """Find a model, check that it is of a kind, and make its network ready; raises what ``load`` does."""
    foreign = running.engine in ("auto", "transformers")
    found, checkpoint = find_checkpoint(name_or_folder, foreign=foreign, source=source, progress=progress)
    if checkpoint.chain.kind != kind:
        other = checkpoint.chain.kind
        raise ModelError(f"{found.name} gives {other} output, not {kind}: open it with likewise.{_LOADERS[other]}")
    tokenizer = tokenizer_of(checkpoint)
    network, contract = _open(checkpoint, running, cache=cache, progress=progress)
    if found.expected_sha256 and contract.weights != found.expected_sha256 and not _has_more_weights(checkpoint):
        raise ArtifactError(
            f"{found.folder / WEIGHTS} is not the published {found.name}: its sha256 is {contract.weights}"
        )
    rows = int(checkpoint.config.get("vocab_size") or tokenizer.vocabulary_size)
    if tokenizer.vocabulary_size > rows:
        raise ModelError(
            f"the tokenizer of {found.name} has {tokenizer.vocabulary_size} tokens and the network knows {rows}: they "
            "are not of the same model; take both from the published folder"
        )
    return Opened(found, checkpoint, contract, tokenizer, network)


def _open(
    checkpoint: Checkpoint, running: Running, *, cache: Path | None, progress: Progress
) -> tuple[Engine, Contract]:
    """The network, which a static model has none of, and the contract."""
    if checkpoint.chain.static and running.engine == "auto":
        return open_static(checkpoint, running.precision)
    where = cache or user_cache_path("likewise") / "networks"
    return open_network(checkpoint, _chosen(checkpoint, running), cache=where, progress=progress)


def find_checkpoint(
    name_or_folder: str | Path,
    *,
    foreign: bool = False,
    source: Source = Source(),
    progress: Progress = lambda _: None,
) -> tuple[Found, Checkpoint]:
    """Where a model is, and what it declares together with the prompts that are known of it.

    Args:
        name_or_folder: As in ``load``.
        foreign: Whether its network may be one that has no family here.
        source: Where it may come from.
        progress: As in ``load``.

    Raises:
        LikewiseError: What ``find_model`` and ``read_checkpoint`` raise.
    """
    found = find_model(
        name_or_folder,
        revision=source.revision,
        offline=source.offline,
        accept_licence=source.accept_licence,
        progress=progress,
    )
    declared = read_checkpoint(found.folder, foreign=foreign)
    return found, _with_what_is_known(declared, find_known(found.name))


def _chosen(checkpoint: Checkpoint, running: Running) -> Running:
    """The engine and the precision that "auto" stands for.

    Raises:
        SettingError: The engine does not have the precision.
        UnknownNameError: There is no such engine, or no family and no transformers to run the network.
    """
    engine = running.engine
    if engine == "auto":
        engine = "transformers" if checkpoint.family is FOREIGN else "openvino"
        if engine == "transformers" and find_spec("transformers") is None:
            unknown = UnknownNameError("model family", checkpoint.architecture, FAMILIES.names())
            raise ModelError(f"{unknown} With pip install 'likewise[torch]', transformers may know it")
    known = ENGINES.get(engine).precisions
    if running.precision == "auto":
        return Running(engine, AUTO_PRECISION if AUTO_PRECISION in known else known[0])
    if running.precision not in known:
        raise SettingError(f"precision is {running.precision!r}; with {engine} it must be auto, {', '.join(known)}")
    return Running(engine, running.precision)


def verify_model(known: KnownModel) -> bool:
    """Read the installed weights and say whether they are the published ones."""
    folder = known.folder()
    return folder is not None and sha256(folder / WEIGHTS) == known.sha256


def trained_dimensions(checkpoint: Checkpoint) -> list[int]:
    """To which dimensions a model says its vectors may be cut (Kusupati et al. 2022, arXiv:2205.13147)."""
    declared = checkpoint.declared.get("matryoshka_dimensions") or checkpoint.config.get("matryoshka_dimensions")
    return sorted(int(one) for one in declared or [])


def _cut(opened: Opened, vectors: VectorForm) -> Contract:
    """The contract with the dimension that was asked for."""
    full, wanted = opened.contract.dimension, vectors.dimension
    if wanted is None or wanted == full:
        return opened.contract
    if not 1 <= wanted <= full:
        raise SettingError(f"dimension is {wanted}; {opened.found.name} has 1 to {full}")
    trained = trained_dimensions(opened.checkpoint)
    if wanted not in trained and not vectors.untrained:
        may = f"it was trained for {', '.join(map(str, trained))}" if trained else "it declares no dimensions to cut to"
        raise ModelError(
            f"{opened.found.name} can't be cut to {wanted} of {full} dimensions without harm: {may}. Take one of "
            "these, or set untrained=True and measure what it costs"
        )
    return replace(opened.contract, dimension=wanted, truncated_from=full)


def _stored_as(encoder: Encoder, output: Precision) -> Encoder:
    """The encoder with the precision of stored vectors in its contract; ranges are fitted to ordinary texts."""
    ranges = None
    if output in ("int8", "uint8"):
        # Only who stores vectors in 8 bits pays for reading the texts that they are calibrated with.
        from likewise.encoding.quantisation import calibration_texts

        sample = encoder.encode(calibration_texts(), role="document", overflow="truncate")
        ranges = fit_ranges(np.ascontiguousarray(sample)).to_lists()
    encoder.contract = replace(encoder.contract, output=output, ranges=ranges)
    _ = encoder.packing  # refuses an unknown precision
    return encoder


def _has_more_weights(checkpoint: Checkpoint) -> bool:
    """Whether there are weights beside the network's, so that its digest alone is not the contract's."""
    return bool(checkpoint.chain.query_weights) or any(link.step.keys() for link in checkpoint.chain.links)


def _with_what_is_known(checkpoint: Checkpoint, known: KnownModel | None) -> Checkpoint:
    """What a model's authors document but its files lack, prompts and dimensions, from the table of known models."""
    if known is None:
        return checkpoint
    declared, prompts = checkpoint.declared, {str(role): text for role, text in known.prompts.items()}
    if prompts and not declared.get("prompts"):
        checkpoint = replace(checkpoint, prompts=prompts)
    if known.dimensions and not trained_dimensions(checkpoint):
        checkpoint = replace(checkpoint, declared={**declared, "matryoshka_dimensions": list(known.dimensions)})
    return checkpoint
