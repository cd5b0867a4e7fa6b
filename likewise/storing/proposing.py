"""Shortlists: a graph over codes, or a scan of codes so small that all of them are looked at.

A draft is filled and asked while a shard is built, written, and opened again to be asked alone.
"""

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

from likewise.storing.scanning import fit_product, fit_signs, read_product, read_signs
from likewise.storing.shortlists import CODE_PRECISIONS, GRAPHED, CodePrecision, Shortlist
from likewise.types import Ids, Vectors

ENGINE = "faiss"
_GRAPHS = "likewise.storing.graphs"  # imported by those who need a graph: the engine is an extra


class Proposer(Protocol):
    def propose(self, query: Vectors, effort: int) -> Ids:
        """Rows (E,) of about the ``effort`` nearest vectors, best first."""
        ...


class Draft(Protocol):
    """A shortlist in the making."""

    def add(self, rows: Ids) -> None:
        """Take in some rows of the vectors that it was made for."""
        ...

    def propose(self, query: Vectors, effort: int) -> Ids: ...

    def write(self, folder: Path) -> None: ...


def draft_of(vectors: Vectors, shortlist: Shortlist) -> Draft:
    """An empty shortlist for vectors (N, D)."""
    if shortlist.precision == "binary":
        return fit_signs(vectors[:, : shortlist.dimension])
    if shortlist.precision == "product":
        return fit_product(vectors[:, : shortlist.dimension])
    draft: Draft = import_module(_GRAPHS).GraphDraft(vectors, shortlist)
    return draft


def open_proposer(folder: Path, shortlist: Shortlist) -> Proposer:
    """What ``Draft.write`` wrote, as a memory map.

    Raises:
        OSError, ValueError, RuntimeError: It is missing, or not what it should be.
        MissingExtraError: It is a graph, and what reads it is not installed.
    """
    if shortlist.precision == "binary":
        return read_signs(folder)
    if shortlist.precision == "product":
        return read_product(folder)
    opened: Proposer = import_module(_GRAPHS).open_graph(folder, shortlist)
    return opened


def usable_precisions() -> tuple[CodePrecision, ...]:
    """Those that what is installed can search."""
    return tuple(one for one in CODE_PRECISIONS if one not in GRAPHED or find_spec(ENGINE))


def usual_shortlist() -> Shortlist:
    """What a new index gets: the fastest that is installed."""
    return Shortlist(precision="int8" if find_spec(ENGINE) else "binary")
