"""How many translations the nearest neighbour finds."""

from likewise.encoding.packed_search import search
from likewise.encoding.packing import Packing, pack, require_vectors, truncate
from likewise.errors import ShapeError
from likewise.evaluating._arguments import Labels
from likewise.evaluating.labels import f1
from likewise.types import Ids, Vectors


def nearest(sources: Vectors, targets: Vectors) -> Ids:
    """The row of ``targets`` with the greatest cosine, for each of ``sources``; equal ones go to the lower row.

    Args:
        sources: (Q, D) float32, of sentences in one language; at least one.
        targets: (N, D) float32, of sentences in the other; at least one.

    Returns:
        (Q,) rows of ``targets``.

    Raises:
        ShapeError: Not (Q, D) and (N, D) float32, or no row in one.
        SettingError: A component that is not finite.
    """
    require_vectors(targets, "targets")
    dimension = targets.shape[1]
    require_vectors(sources, "sources", dimension=dimension)
    if not (len(sources) and len(targets)):
        raise ShapeError(f"got {len(sources)} sources and {len(targets)} targets; expected at least one of each")
    sources, targets = (truncate(vectors, dimension) for vectors in (sources, targets))  # whole, but of unit length
    packed = pack(targets, Packing(precision="float32", dimension=dimension))
    return search(sources, packed, k=1).ids[:, 0]


def mining_f1(gold: Labels, found: Labels) -> float:
    """F1 of each translation as a class of its own, weighted by how often it is one; so MTEB counts (arXiv:2210.07316).

    A translation that is the nearest neighbour of several sentences loses precision, which accuracy does not see; for
    accuracy there is ``labels.accuracy``.

    Args:
        gold: (Q,) the row of each sentence's translation.
        found: (Q,) rows as ``nearest`` gives them.

    Raises:
        ShapeError: Not two rows of whole numbers of the same length, at least one.

    Example:
        >>> mining_f1([0, 1], [0, 0])
        0.3333333333333333
    """
    return f1(gold, found, average="weighted")
