"""Probes of what a search still finds: queries with typos or in another case, long documents, two languages."""

from collections.abc import Mapping, Sequence
from random import Random

import numpy as np

from likewise.encoding.quantisation import calibration_texts
from likewise.errors import DataError
from likewise.evaluating.data_files import RowSource, read_rows
from likewise.evaluating.forms import Numbers
from likewise.evaluating.robustness.changing import CASES, TYPOS, misspell
from likewise.evaluating.robustness.findings import Bench, Measured, add_probe
from likewise.evaluating.robustness.sentences import Statement, statements
from likewise.evaluating.subjects import Cut

_POSITIONS = {"beginning": 0.0, "middle": 0.5, "end": 1.0}
_NEEDLE_WORDS = (150, 600)  # of a document that fits most models, and of one that does not fit many
_LENGTHS = (20, 60, 180, 540)  # words of a document
_LANGUAGES = ("de", "es", "ru", "zh")
_PARAGRAPHS = "xquad/paragraphs.jsonl.gz"


@add_probe("typos")
def typos(bench: Bench) -> Measured:
    """How much of what a search finds it still finds if a third of the longer words of a query have a typo."""
    return _changed_queries(
        bench,
        {kind: [misspell(one.also, kind, seed=bench.seed) for one in statements(seed=bench.seed)] for kind in TYPOS},
        "1 means that typos cost nothing; what is missing is the share of the search's quality that they take.",
    )


@add_probe("case")
def case(bench: Bench) -> Measured:
    """How much of what a search finds it still finds if a query comes in capitals, small letters or a mixture."""
    return _changed_queries(
        bench,
        {name: [change(one.also) for one in statements(seed=bench.seed)] for name, change in CASES.items()},
        "1 means that case costs nothing, as for any model whose tokenizer folds it.",
    )


@add_probe("needle_position")
def needle_position(bench: Bench) -> Measured:
    """Whether a long document is found by a sentence at its beginning, in its middle, or at its end."""
    return _needles(
        bench,
        {
            f"{position} of {words} words": _hidden(statements(each=1, seed=bench.seed), words, place, bench.seed)
            for words in _NEEDLE_WORDS
            for position, place in _POSITIONS.items()
        },
        "Compare the parts: positions differ where a model reads the beginning most, and what lies behind its maximum "
        "is not read at all (tokens dropped are counted).",
    )


@add_probe("length")
def length(bench: Bench) -> Measured:
    """Whether a document is found by one sentence of it, the longer it is."""
    found = statements(each=1, seed=bench.seed)
    chance = Random(bench.seed)
    places = [chance.random() for _ in found]
    documents = {}
    for words in _LENGTHS:
        documents[f"{words} words"] = [
            _hide(one.says, words, place, seed=f"{bench.seed} {i}")
            for i, (one, place) in enumerate(zip(found, places, strict=True))
        ]
    return _needles(
        bench,
        documents,
        "Compare the parts: how fast they fall is what a sentence loses in a longer text, where one vector stands for "
        "more, and where it may lie behind the model's maximum (tokens dropped are counted).",
    )


@add_probe("mixed_index", files=(_PARAGRAPHS,))
def mixed_index(bench: Bench) -> Measured:
    """How much an English query still finds if the paragraph that answers it is in another language.

    Half of the paragraphs, drawn at random, are in the other language, and half in English; counted are the questions
    that the former answer. All are XQuAD's (Artetxe, Ruder and Yogatama 2020, arXiv:1910.11856).
    """
    texts, questions = _paragraphs(bench)
    ids = sorted(texts["en"])
    foreign = set(Random(bench.seed).sample(ids, len(ids) // 2))
    asked = [(id, question) for id, question in questions if id in foreign]
    queries, gold = [question for _, question in asked], [ids.index(id) for id, _ in asked]
    before = _reciprocal_ranks(bench, queries, [texts["en"][id] for id in ids], gold)
    after = {}
    for language in _LANGUAGES:
        mixed = [texts[language if id in foreign else "en"][id] for id in ids]
        after[language] = _reciprocal_ranks(bench, queries, mixed, gold)
    return _kept(
        before,
        after,
        gold,
        documents=len(ids),
        reading="1 means that the language of a document makes no difference; near the indifferent figure, documents "
        "in other languages are not found.",
    )


def _paragraphs(bench: Bench) -> tuple[dict[str, dict[str, str]], list[tuple[str, str]]]:
    """Texts by language and paragraph; paragraph and question of all questions in English."""
    columns = {"language": "lang", "id": "para_id", "text": "context", "question": "qas.question"}
    texts: dict[str, dict[str, str]] = {language: {} for language in ("en", *_LANGUAGES)}
    for row in read_rows(RowSource(file=_PARAGRAPHS, columns=columns), bench.folder()):
        texts.setdefault(row.text("language"), {})[row.id("id")] = row.text("text")
    for language in _LANGUAGES:
        if missing := sorted(texts["en"].keys() - texts[language].keys()):
            raise DataError(f"{_PARAGRAPHS} lacks paragraph {missing[0]} in {language}, and {len(missing) - 1} more")
    english = RowSource(file=_PARAGRAPHS, columns=columns, where={"lang": "en"}, each="qas")
    return texts, [(row.id("id"), row.text("question")) for row in read_rows(english, bench.folder())]


def _changed_queries(bench: Bench, changed: Mapping[str, Sequence[str]], reading: str) -> Measured:
    """What remains of finding statements by their paraphrases, if these are changed."""
    found = statements(seed=bench.seed)
    documents, gold = [one.says for one in found], list(range(len(found)))
    before = _reciprocal_ranks(bench, [one.also for one in found], documents, gold)
    after = {name: _reciprocal_ranks(bench, queries, documents, gold) for name, queries in changed.items()}
    return _kept(before, after, [one.template for one in found], documents=len(documents), reading=reading)


def _kept(
    before: Numbers, after: Mapping[str, Numbers], groups: Sequence[int], *, documents: int, reading: str
) -> Measured:
    """Which share of the mean reciprocal rank (N,) of before is left, each change a part."""
    return Measured(
        measure="mean reciprocal rank, of what it is unchanged",
        perfect=1.0,
        indifferent=_guessed(documents) / float(before.mean()),
        values=np.concatenate(list(after.values())),
        baselines=np.tile(before, len(after)),
        groups=np.tile(groups, len(after)),
        parts=np.repeat(list(after), len(before)).tolist(),
        facts={"reciprocal rank unchanged": float(before.mean())},
        reading=reading,
    )


def _needles(bench: Bench, documents: Mapping[str, Sequence[str]], reading: str) -> Measured:
    """How well paraphrases find the documents that their statements are in, of each part's."""
    queries = [one.also for one in statements(each=1, seed=bench.seed)]
    gold = list(range(len(queries)))
    values: list[float] = []
    cuts: dict[str, Cut] = {}
    for part, texts in documents.items():
        bench.subject.take_cut()
        values += _reciprocal_ranks(bench, queries, texts, gold).tolist()
        cuts[part] = bench.subject.take_cut()
    return Measured(
        measure="mean reciprocal rank of the document that a sentence is hidden in",
        perfect=1.0,
        indifferent=_guessed(len(queries)),
        values=values,
        groups=gold * len(documents),
        parts=np.repeat(list(documents), len(queries)).tolist(),
        cuts=cuts,
        reading=reading,
    )


def _hidden(found: Sequence[Statement], words: int, place: float, seed: int) -> list[str]:
    return [_hide(one.says, words, place, seed=f"{seed} {i}") for i, one in enumerate(found)]


def _hide(needle: str, words: int, place: float, *, seed: str) -> str:
    """A document of so many words of other texts, with a sentence between two of these, at a place from 0 to 1."""
    pool = [text for text in calibration_texts() if text.endswith(".")]
    Random(seed).shuffle(pool)
    parts: list[str] = []
    left = words - len(needle.split())
    while left > 0:
        part = pool[len(parts)].split()[:left]
        parts.append(" ".join(part))
        left -= len(part)
    return " ".join([*parts[: round(place * len(parts))], needle, *parts[round(place * len(parts)) :]])


def _reciprocal_ranks(bench: Bench, queries: Sequence[str], documents: Sequence[str], gold: Sequence[int]) -> Numbers:
    """1 over the rank that each query's own document has among all (Q,)."""
    if len(documents) < 2:
        raise DataError(f"got {len(documents)} documents; there must be others for one to be found among")
    found = bench.subject.search(queries, documents, len(documents)).ids  # (Q, N)
    return 1 / (1 + np.argmax(found == np.asarray(gold)[:, None], axis=1))


def _guessed(documents: int) -> float:
    """The mean reciprocal rank of one of so many documents in a random order."""
    return float((1 / np.arange(1, documents + 1)).mean())
