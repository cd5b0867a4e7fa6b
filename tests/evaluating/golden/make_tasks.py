"""Writes small made data sets, one for each kind of task, and what mteb's own evaluators give for them.

    python tests/evaluating/golden/make_tasks.py          # both; needs make .venv/oracle
    python tests/evaluating/golden/make_tasks.py --data   # the data alone

A text is a few words of its topic and a few of any. ``WordsEncoder`` in ``made_tasks.py`` gives its vector.
"""

import json
import sys
from pathlib import Path
from random import Random

HERE = Path(__file__).parent
MADE, GOLDEN = HERE.parent / "made", HERE / "kinds.json"
TOPICS, WORDS, COMMON = 6, 8, 40


def text(random, topic, *, own=4, any=5):
    """Some words of a topic among others."""
    words = [f"t{topic}w{int(random.random() * WORDS)}" for _ in range(own)]
    words += [f"c{int(random.random() * COMMON)}" for _ in range(any)]
    return " ".join(sorted(words, key=lambda _: random.random()))


def blurred(random, words, share):
    """The same text with a share of its words replaced."""
    return " ".join(f"c{int(random.random() * COMMON)}" if random.random() < share else word for word in words.split())


def retrieval(random):
    documents = [{"id": f"d{i}", "title": f"t{i % TOPICS}w0", "text": text(random, i % TOPICS)} for i in range(60)]
    queries = [{"id": f"q{i}", "text": text(random, i % TOPICS, own=2, any=2)} for i in range(18)]
    judged = [  # of ten, half are of the query's topic
        {"query": f"q{i}", "document": f"d{j}", "grade": int(random.random() * (4 if j % TOPICS == i % TOPICS else 2))}
        for i in range(len(queries))
        for j in (int(random.random() * 10) * TOPICS + (i if one % 2 else one) % TOPICS for one in range(10))
    ]
    qrels = list({(row["query"], row["document"]): row for row in judged}.values())
    run = [(query["id"], f"d{i}") for query in queries for i in range(60) if random.random() < 0.3]
    lines = "".join(f"{query} Q0 {document} 1 1.0 made\n" for query, document in run)
    (MADE / "candidates.run").write_text(lines, encoding="utf-8")
    yield "documents", documents
    yield "queries", queries
    yield "qrels", qrels


def instructions(random):
    """Each query with two wordings of what it wants."""
    queries, qrels, changes = [], [], []
    for i in range(8):
        words = text(random, i % TOPICS, own=2, any=1)
        relevant = [f"d{j}" for j in range(60) if random.random() < 0.15]
        dropped = relevant[: 1 + len(relevant) // 3]
        for wording, kept in (("og", relevant), ("changed", relevant[len(dropped) :])):
            queries.append({"id": f"i{i}-{wording}", "text": words, "instruction": text(random, i % TOPICS)})
            qrels += [{"query": f"i{i}-{wording}", "document": document} for document in kept]
        changes.append({"before": f"i{i}-og", "after": f"i{i}-changed", "documents": dropped})
    yield "instructed_queries", queries
    yield "instructed_qrels", qrels
    yield "changes", changes


def pairs(random):
    rows = []
    for i in range(80):
        left, share = text(random, i % TOPICS), random.random()
        score = round(5 * (1 - share) + random.random(), 1)
        rows.append({"left": left, "right": blurred(random, left, share), "score": score, "label": int(score > 3)})
    yield "pairs", [*rows, {"left": "c1 c2", "right": "c1 c2", "score": 5, "label": 1}]
    translated = [text(random, i % TOPICS) for i in range(50)]
    yield "bitext", [{"left": one, "right": blurred(random, one, 0.6)} for one in translated]


def labelled(random):
    for name, count in (("train", 150), ("test", 70)):
        yield name, [{"text": text(random, i % TOPICS, own=2), "label": f"topic {i % TOPICS}"} for i in range(count)]
    yield (
        "requests",
        [
            {
                "text": text(random, i % TOPICS, own=3, any=3),
                "label": "oos" if i % TOPICS > 3 else f"topic {i % TOPICS}",
            }
            for i in range(60)
        ],
    )
    for name, count in (("multi_train", 120), ("multi_test", 60)):
        rows = []
        for i in range(count):
            topics = sorted({i % TOPICS, int(random.random() * TOPICS)})
            words = " ".join(text(random, topic, own=3, any=1) for topic in topics)
            rows.append({"text": words, "labels": [f"topic {topic}" for topic in topics]})
        yield name, rows


def summaries(random):
    rows = []
    for i in range(12):
        human = [text(random, i % TOPICS) for _ in range(3)]
        shares = [random.random() for _ in range(6)]
        machine = [blurred(random, human[j % 3], share) for j, share in enumerate(shares)]
        scores = [round(1 + 3 * (1 - share) + random.random(), 2) for share in shares]
        rows.append({"human": human, "machine": machine, "scores": scores})
    rows[-1]["scores"] = [3.0] * 6  # nothing to order
    yield "summaries", rows


def write_data():
    MADE.mkdir(exist_ok=True)
    for part in (retrieval, instructions, pairs, labelled, summaries):
        for name, rows in part(Random(part.__name__)):
            lines = "".join(json.dumps(row) + "\n" for row in rows)
            (MADE / f"{name}.jsonl").write_text(lines, encoding="utf-8")


def main():
    write_data()
    if "--data" in sys.argv:
        return
    sys.path[:0] = [str(HERE.parent), str(HERE.parent.parent)]
    from mteb_tasks import scores_by_mteb

    GOLDEN.write_text(json.dumps(scores_by_mteb(), indent=1, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
