"""Reads the published sets that the benchmarks use, from the folder that ``--data`` names.

The layout is one folder a set, with gzip-compressed JSON lines and tab-separated tables in it.
"""

import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

Qrels = dict[str, dict[str, int]]  # query -> document -> grade


@dataclass(frozen=True, slots=True)
class RetrievalSet:
    """Documents and queries by id. Only judged queries and documents with text are in it."""

    name: str
    documents: dict[str, str]
    queries: dict[str, str]
    qrels: Qrels


def read_retrieval_set(data: Path, name: str, *, most_queries: int | None = None) -> RetrievalSet:
    """One of RETRIEVAL_SETS; each document is its title and its text. ``most_queries`` takes the first so many."""
    if name == "xquad-en":
        found = _xquad(data / "xquad")
    elif name == "cosqa":
        found = _cosqa(data / name)
    else:
        found = _judged(data / name)
    documents, queries, qrels = found
    with_text = {id: text for id, text in documents.items() if text.strip()}
    judged = [(id, text) for id, text in queries.items() if id in qrels]
    return RetrievalSet(name, with_text, dict(judged[:most_queries]), qrels)


RETRIEVAL_SETS = ("cranfield", "cacm", "msmarco_dl_sample", "cosqa", "xquad-en")


def read_table(path: Path) -> Iterator[dict[str, str]]:
    """Rows of a .tsv.gz file with a header line."""
    with gzip.open(path, "rt", encoding="utf-8", newline="\n") as lines:
        header = next(lines).rstrip("\n").split("\t")
        for line in lines:
            yield dict(zip(header, line.rstrip("\n").split("\t"), strict=True))


def read_objects(path: Path) -> Iterator[dict[str, Any]]:
    """Objects of a .jsonl.gz file."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def titled(document: dict[str, Any]) -> str:
    """Title and text of a document in one."""
    return f"{document['title']} {document['text']}".strip()


def glosses(data: Path) -> Iterator[str]:
    """What the words of WordNet mean, one line each: "dog, domestic dog: a member of the genus Canis …"."""
    for synset in read_objects(data / "wordnet_glosses" / "synsets.jsonl.gz"):
        yield f"{', '.join(synset['lemmas'])}: {synset['definition']}"


_Parts = tuple[dict[str, str], dict[str, str], Qrels]


def chunk_texts(data: Path, count: int) -> list[str]:
    """``count`` texts, each once, in a random order: pieces of 48 words, glosses and captions, a third of each."""
    with gzip.open(data / "text_corpus" / "corpus_open.txt.gz", "rt", encoding="utf-8") as lines:
        words = [word for line in lines for word in line.split()]
    pieces = [" ".join(words[start : start + 48]) for start in range(0, len(words), 48)]
    captions = [row["caption"] for row in read_table(data / "flickr8k_captions" / "captions.tsv.gz")]
    chance, chosen = Random(0), []
    for part, texts in enumerate((pieces, captions, list(glosses(data)))):
        texts = list(dict.fromkeys(texts))
        chance.shuffle(texts)
        chosen += texts[: (count - len(chosen)) // (3 - part)]  # what one source lacks is taken from the next
    chance.shuffle(chosen)
    return chosen


def _judged(folder: Path) -> _Parts:
    qrels: Qrels = {}
    for row in read_table(folder / "qrels.tsv.gz"):
        qrels.setdefault(row["query_id"], {})[row["doc_id"]] = int(row["relevance"])
    documents = {str(document["id"]): titled(document) for document in read_objects(folder / "docs.jsonl.gz")}
    queries = {str(query["id"]): query["text"] for query in read_objects(folder / "queries.jsonl.gz")}
    return documents, queries, qrels


def _cosqa(folder: Path) -> _Parts:
    rows = list(read_table(folder / "queries_test.tsv.gz"))
    documents = {str(function["id"]): function["code"] for function in read_objects(folder / "code.jsonl.gz")}
    return (
        documents,
        {row["query_id"]: row["query"] for row in rows},
        {row["query_id"]: {row["code_id"]: 1} for row in rows},
    )


def _xquad(folder: Path) -> _Parts:
    documents, queries, qrels = {}, {}, {}
    for paragraph in read_objects(folder / "paragraphs.jsonl.gz"):
        if paragraph["lang"] != "en":
            continue
        id = str(paragraph["para_id"])
        documents[id] = f"{paragraph['title']} {paragraph['context']}"
        for question in paragraph["qas"]:
            queries[str(question["id"])] = question["question"]
            qrels[str(question["id"])] = {id: 1}
    return documents, queries, qrels
