"""Embeddings, from raw content to answers: read, chunk, encode, store and search by meaning.

>>> import likewise as lw
>>> lw.Document(id="a", text="The cat purrs.").text
'The cat purrs.'
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

# The whole public API: name -> the module that defines it. Nothing is imported until first use.
_PUBLIC = {
    "Chunk": "likewise.types",
    "Contract": "likewise.encoding.contract",
    "Document": "likewise.types",
    "Encoder": "likewise.encoding.encoder",
    "Hit": "likewise.types",
    "Hits": "likewise.types",
    "Index": "likewise.searching.index",
    "LikewiseError": "likewise.errors",
    "SearchSettings": "likewise.searching.settings",
    "Source": "likewise.encoding.models",
    "VectorForm": "likewise.encoding.models",
    "chunk": "likewise.chunking",
    "load": "likewise.encoding.models",
    "load_multi_vector": "likewise.encoding.multi_vector",
    "load_scorer": "likewise.encoding.scoring",
    "load_sparse": "likewise.encoding.sparse",
    "read": "likewise.reading",
}
__all__ = sorted(_PUBLIC)

if TYPE_CHECKING:  # what editors and mypy see
    from likewise.chunking import chunk as chunk
    from likewise.encoding.contract import Contract as Contract
    from likewise.encoding.encoder import Encoder as Encoder
    from likewise.encoding.models import Source as Source
    from likewise.encoding.models import VectorForm as VectorForm
    from likewise.encoding.models import load as load
    from likewise.encoding.multi_vector import load_multi_vector as load_multi_vector
    from likewise.encoding.scoring import load_scorer as load_scorer
    from likewise.encoding.sparse import load_sparse as load_sparse
    from likewise.errors import LikewiseError as LikewiseError
    from likewise.reading import read as read
    from likewise.searching.index import Index as Index
    from likewise.searching.settings import SearchSettings as SearchSettings
    from likewise.types import Chunk as Chunk
    from likewise.types import Document as Document
    from likewise.types import Hit as Hit
    from likewise.types import Hits as Hits


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'likewise' has no attribute {name!r}")
    value = getattr(import_module(_PUBLIC[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*globals(), *_PUBLIC]
