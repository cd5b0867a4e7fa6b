"""Inputs for metrics, the same on every machine: Python promises what ``random()`` gives for a seed, and all is that.

``golden/make_metrics.py`` writes what other libraries give for them.
"""

import json
from pathlib import Path
from random import Random

import numpy as np

GOLDEN = Path(__file__).parent / "golden"
CASES = 12  # of each kind but rankings
RUNS = 200
# Their order by score and id is that of bytes, and two scores differ by less than float32 can tell.
DOCUMENTS = [f"{letter}{number}" for letter in ("d", "D", "é", "😀", "\uffee") for number in range(1, 9)]
SCORES = (-1.5, 0.0, -0.0, 0.25, 0.5, 0.5 + 1e-12, 0.5 + 1e-6, 3e30)
GRADES = (-1, 0, 0, 1, 1, 2, 3)
TREC = {  # our names of ranking metrics to pytrec_eval's
    "ndcg": "ndcg",
    "ndcg@1": "ndcg_cut_1",
    "ndcg@5": "ndcg_cut_5",
    "map": "map",
    "map@5": "map_cut_5",
    "mrr": "recip_rank",
    "recall": "set_recall",
    "recall@5": "recall_5",
    "precision": "set_P",
    "precision@5": "P_5",
    "hit_rate@5": "success_5",
}


def golden(name):
    return json.loads((GOLDEN / f"{name}.json").read_text(encoding="utf-8"))


def below(random, limit):
    return int(random.random() * limit)


def choose(random, values):
    return values[below(random, len(values))]


def sample(random, values, count):
    return sorted(values, key=lambda _: random.random())[:count]


def ranking(seed):
    """A run and its qrels: few scores, so that many are equal; what is relevant is often not found, or nothing is."""
    random = Random(seed)
    run, qrels = {}, {}
    for query in ("q1", "q2", "q10"):
        judged = sample(random, DOCUMENTS, 1 + below(random, 12))
        qrels[query] = {document: choose(random, GRADES) for document in judged}
        qrels[query][judged[0]] = max(0, qrels[query][judged[0]])  # pytrec_eval may hang where all are below 0
        if random.random() < 0.1:
            qrels[query] = dict.fromkeys(judged, 0)
        found = sample(random, DOCUMENTS, below(random, 30))
        run[query] = {document: choose(random, SCORES) for document in found}
    if random.random() < 0.2:
        del run[choose(random, ("q1", "q2"))]
    if random.random() < 0.2:
        run["not in the qrels"] = {"d1": 1.0}
    return run, qrels


def scored(seed, *, few=False):
    """Two rows of numbers that go together somewhat; ``few`` of them differ."""
    random = Random(seed)
    left = [random.random() for _ in range(3 + below(random, 40))]
    right = [value + random.random() for value in left]
    return ([round(4 * value) for value in left], [round(8 * value) / 8 for value in right]) if few else (left, right)


def marked(seed, *, few=False):
    """Marks 0 and 1, both there, and scores that are higher for 1 on average; ``few`` of them differ."""
    random = Random(1000 + seed)
    marks = [0, 1, *(below(random, 2) for _ in range(1 + below(random, 40)))]
    scores = [random.random() + 0.3 * mark for mark in marks]
    return marks, [round(5 * score) / 5 for score in scores] if few else scores


def labelled(seed, *, binary=False):
    """Expected and predicted labels, not all of them in both."""
    random = Random(2000 + seed)
    names = (0, 1) if binary else ("a", "b", "c", "d", "e", "f")[: 3 + below(random, 4)]
    expected = [*names[:2], *(choose(random, names) for _ in range(3 + below(random, 50)))]
    return expected, [one if random.random() < 0.6 else choose(random, names[:-1] or names) for one in expected]


def numbered(seed):
    """Classes and clusters as numbers; some clusters hold several classes."""
    expected, predicted = labelled(seed)
    return ["abcdef".index(one) for one in expected], ["abcdef".index(one) // (1 + seed % 2) for one in predicted]


def multilabelled(seed):
    """Two tables (N, L) of 0 and 1, some rows and columns empty; and scores."""
    random = Random(3000 + seed)
    rows, columns = 2 + below(random, 15), 1 + below(random, 5)
    expected = [[below(random, 2) for _ in range(columns)] for _ in range(rows)]
    predicted = [[one if random.random() < 0.7 else 1 - one for one in row] for row in expected]
    expected[0], predicted[0], predicted[1] = [0] * columns, [0] * columns, [0] * columns
    scores = [[round(4 * random.random()) / 4 for _ in range(columns)] for _ in range(rows)]
    return expected, predicted, scores


def vectors(seed, count, dimension):
    """(count, dimension) float32."""
    random = Random(seed)
    return np.array([[random.random() - 0.5 for _ in range(dimension)] for _ in range(count)], np.float32)


def bilingual(seed):
    """Vectors of sentences and of their translations, and which is whose."""
    targets = vectors(4000 + seed, 40, 6)
    random = Random(seed)
    gold = [below(random, 40) for _ in range(30)]
    return targets[gold] + 0.5 * vectors(5000 + seed, 30, 6), targets, gold


def classified(seed):
    """Vectors to train on and to test, with their labels: four classes about as many centres."""
    centres, random = vectors(6000 + seed, 4, 8), Random(6000 + seed)
    places = [0, 1, 2, 3, *(below(random, 4) for _ in range(96))]
    spread = vectors(7000 + seed, len(places), 8)
    labels = [("red", "green", "blue", "grey")[place] for place in places]
    data = centres[places] + spread
    return data[:70], labels[:70], data[70:], labels[70:]


def tagged(seed):
    """As ``classified``, but with sets of labels 0 to 3: to train on, and to test."""
    train, first, test, second = classified(seed)
    random = Random(8000 + seed)
    names = ("red", "green", "blue", "grey")
    more = lambda label: sorted({names.index(label), *(below(random, 4) for _ in range(below(random, 3)))})  # noqa: E731
    return train, [more(label) for label in first], test, [more(label) for label in second]


def table(sets):
    """Sets of labels 0 to 3 as (N, 4) of 0 and 1."""
    return np.array([[int(label in one) for label in range(4)] for one in sets])
