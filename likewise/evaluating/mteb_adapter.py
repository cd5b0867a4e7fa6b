"""Models in the mteb package: a likewise model of any output as ``mteb.evaluate`` takes it. Needs the mteb extra."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from likewise.errors import SettingError
from likewise.evaluating.forms import cosines, unit
from likewise.evaluating.subjects import PairSubject, Subject, TextRole
from likewise.registry import require

torch: Any = require("torch", feature="running models in mteb", extra="mteb")
_meta: Any = require("mteb.models.model_meta", feature="running models in mteb", extra="mteb")

_TYPES = {"dense": "dense", "sparse": "sparse", "multi_vector": "late-interaction", "scores": "cross-encoder"}
_Texts = Iterable[Mapping[str, Any]]  # batches, with a list of texts under "text"


class MtebEncoder:
    """A dense encoder as mteb has it (``EncoderProtocol``).

    Args:
        subject: The model, e.g. from ``likewise.evaluating.runner.open_subject``.
        revision: What to write in results.
    """

    def __init__(self, subject: Subject, revision: str | None = None) -> None:
        if "vectors" not in subject.gives:
            raise SettingError(f"{subject.name} gives no single vector a text: make it one with mteb_model")
        self._subject = subject
        self.mteb_model_meta = _describe(subject, revision)

    def encode(self, inputs: _Texts, *, prompt_type: str | None = None, **_: Any) -> NDArray[np.float32]:
        """Vectors (N, D). The protocol hands on the task and whatever its caller likes, which makes no difference."""
        role: TextRole = "plain"
        if prompt_type is not None:
            role = "query" if str(getattr(prompt_type, "value", prompt_type)) == "query" else "document"
        return self._subject.vectors(_texts(inputs), role)

    def similarity(self, embeddings1: Any, embeddings2: Any) -> Any:
        """All with all: a tensor (N, M), which evaluators take for a number where it has one element."""
        left, right = (np.atleast_2d(np.asarray(one, np.float32)) for one in (embeddings1, embeddings2))
        if self._subject.contract.similarity == "cosine":
            left, right = unit(left), unit(right)
        return torch.from_numpy(left @ right.T)

    def similarity_pairwise(self, embeddings1: Any, embeddings2: Any) -> Any:
        """Each with the one beside it: a tensor (N,)."""
        left, right = np.asarray(embeddings1, np.float32), np.asarray(embeddings2, np.float32)
        if self._subject.contract.similarity == "cosine":
            return torch.from_numpy(cosines(left, right))
        return torch.from_numpy(np.einsum("nd,nd->n", left.astype(np.float64), right))


class MtebSearcher:
    """A model that searches as mteb has it (``SearchProtocol``): sparse and multi-vector encoders."""

    def __init__(self, subject: Subject, revision: str | None = None) -> None:
        self._subject = subject
        self._corpus: dict[str, str] = {}
        self.mteb_model_meta = _describe(subject, revision)

    def index(self, corpus: Iterable[Mapping[str, Any]], **_: Any) -> None:
        """Take the documents to search in."""
        self._corpus = {row["id"]: f"{row.get('title') or ''} {row['text']}".strip() for row in corpus}

    def search(
        self,
        queries: Iterable[Mapping[str, Any]],
        *,
        top_k: int,
        top_ranked: Mapping[str, Sequence[str]] | None = None,
        **_: Any,
    ) -> dict[str, dict[str, float]]:
        """The best documents for each query, or the scores of those that are to be reranked."""
        asked = {row["id"]: f"{row['text']} {row.get('instruction') or ''}".strip() for row in queries}
        if top_ranked is not None:
            return {id: self._reranked(text, top_ranked.get(id, ())) for id, text in asked.items()}
        names = list(self._corpus)
        found = self._subject.search(list(asked.values()), list(self._corpus.values()), top_k)
        return {
            id: {names[i]: score for i, score in zip(ids.tolist(), scores.tolist(), strict=True) if i >= 0}
            for id, ids, scores in zip(asked, found.ids, found.scores, strict=True)
        }

    def _reranked(self, text: str, ids: Sequence[str]) -> dict[str, float]:
        scores = self._subject.relevances([text] * len(ids), [self._corpus[id] for id in ids])
        return dict(zip(ids, scores.tolist(), strict=True))


class MtebCrossEncoder:
    """A model that reads two texts together as mteb has it (``CrossEncoderProtocol``)."""

    def __init__(self, subject: PairSubject, revision: str | None = None) -> None:
        self._subject = subject
        self.mteb_model_meta = _describe(subject, revision)

    def predict(self, inputs1: _Texts, inputs2: _Texts, **_: Any) -> NDArray[np.float64]:
        """How well each document answers the query beside it (N,)."""
        return self._subject.relevances(_texts(inputs1), _texts(inputs2))


def mteb_model(subject: Any, *, revision: str | None = None) -> MtebEncoder | MtebSearcher | MtebCrossEncoder:
    """A model as ``mteb.evaluate`` takes it.

    Args:
        subject: The model, from ``likewise.evaluating.runner.open_subject`` or ``likewise.evaluating.subjects``.
        revision: What to write in results.
    """
    if "vectors" in subject.gives:
        return MtebEncoder(subject, revision)
    return MtebSearcher(subject, revision) if "search" in subject.gives else MtebCrossEncoder(subject, revision)


def _texts(batches: _Texts) -> list[str]:
    return [text for batch in batches for text in batch["text"]]


def _describe(subject: PairSubject, revision: str | None) -> Any:
    """What mteb knows of a model. What a contract does not say is left open."""
    contract = subject.contract
    similarity = {"cosine": _meta.ScoringFunction.COSINE, "dot": _meta.ScoringFunction.DOT_PRODUCT}
    return _meta.ModelMeta(
        loader=None,
        name=subject.name if "/" in subject.name else f"likewise/{subject.name}",
        revision=revision or contract.weights[:40],
        release_date=None,
        languages=None,
        n_parameters=None,
        memory_usage_mb=None,
        max_tokens=contract.max_tokens,
        embed_dim=contract.dimension,
        license=None,
        open_weights=None,
        public_training_code=None,
        public_training_data=None,
        framework=[],
        similarity_fn_name=similarity.get(contract.similarity),
        use_instructions=bool(contract.prompts),
        training_datasets=None,
        model_type=[_TYPES[subject.output]],
    )
