"""Write what other libraries give for the inputs of ../metric_cases.py, a file each of ranking.json and so on.

They are pytrec_eval, scipy, scikit-learn, and mteb's own code. Run it with a Python that has them (make test-oracle):

    python tests/evaluating/golden/make_metrics.py
"""

import json
import sys
import warnings
from pathlib import Path

import mteb
import numpy as np
import pytrec_eval
from mteb._evaluators.classification_metrics import hamming_score
from mteb._evaluators.retrieval_metrics import mrr
from mteb._evaluators.text.bitext_mining_evaluator import BitextMiningEvaluator
from mteb.abstasks.clustering_legacy import AbsTaskClusteringLegacy
from mteb.abstasks.multilabel_classification import _evaluate_classifier
from mteb.abstasks.text.bitext_mining import AbsTaskBitextMining
from mteb.similarity_functions import cos_sim
from scipy import stats
from sklearn import metrics

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

import metric_cases as cases  # noqa: E402


def short(value):
    """A number that JSON writes in 13 digits."""
    return float(f"{float(value):.13g}")


def ranking():
    """For each run, our names of metrics to a value for each query of the qrels; null where pytrec_eval has none."""
    found = []
    for seed in range(cases.RUNS):
        run, qrels = cases.ranking(seed)
        measured = pytrec_eval.RelevanceEvaluator(qrels, set(cases.TREC.values())).evaluate(run)
        absent = dict.fromkeys(cases.TREC.values())
        values = {ours: [measured.get(query, absent)[theirs] for query in qrels] for ours, theirs in cases.TREC.items()}
        # mteb compares float64, which trec_eval does not; scores of a model are float32, and so are these then.
        judged = {
            query: {document: float(np.float32(score)) for document, score in scores.items()}
            for query, scores in run.items()
            if query in qrels
        }
        ranks = dict(zip(judged, mrr(qrels, judged, [5])["MRR@5"], strict=True))
        values["mrr@5"] = [ranks.get(query) for query in qrels]
        found.append({name: [None if one is None else short(one) for one in row] for name, row in values.items()})
    return found


def agreement():
    """scipy's correlations, which mteb takes."""
    pairs = [cases.scored(seed, few=few) for few in (False, True) for seed in range(cases.CASES)]
    return [
        {"pearson": short(stats.pearsonr(*pair).statistic), "spearman": short(stats.spearmanr(*pair).statistic)}
        for pair in pairs
    ]


def thresholds():
    """mteb's pair classification, of similarities and of distances."""
    task, found = mteb.get_task("TwitterSemEval2015"), []
    for few in (False, True):
        for seed in range(cases.CASES):
            marks, scores = cases.marked(seed, few=few)
            for sign in (1, -1):
                numbers = [sign * score for score in scores]
                values = task._compute_metrics_values(numbers, np.array(marks), sign == 1)
                _, accuracy = task._find_best_acc_and_threshold(numbers, np.array(marks), sign == 1)
                *_, f1 = task._find_best_f1_and_threshold(numbers, np.array(marks), sign == 1)
                values |= {"accuracy_threshold": accuracy, "f1_threshold": f1}
                found.append({name: short(value) for name, value in values.items()})
    return found


def labels():
    """mteb's scores of a classification, and scikit-learn's of what mteb does not count."""
    task, found = mteb.get_task("Banking77Classification"), []
    for binary in (False, True):
        for seed in range(cases.CASES):
            expected, predicted = cases.labelled(seed, binary=binary)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", metrics._classification.UndefinedMetricWarning)
                values = task._calculate_scores(expected, np.array(predicted))
                for name in ("precision", "recall", "f1"):
                    function = getattr(metrics, f"{name}_score")
                    values[f"{name}_micro"] = function(expected, predicted, average="micro")
                    if binary:
                        values[f"{name}_positive"] = function(expected, predicted, pos_label=1)
            found.append(
                {name: short(value) for name, value in values.items() if value is not None and "ap" not in name}
            )
    return found


def multilabel():
    """mteb's scores of a multilabel classification, from scikit-learn, on given predictions."""
    found = []
    for seed in range(cases.CASES):
        expected, predicted, scores = map(np.array, cases.multilabelled(seed))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", metrics._classification.UndefinedMetricWarning)
            values = {
                f"f1_{one}": metrics.f1_score(expected, predicted, average=one)
                for one in ("macro", "micro", "weighted")
            }
        with np.errstate(invalid="ignore"):  # it divides by 0 before it looks
            values["jaccard"] = hamming_score(expected, predicted)
        values["accuracy"] = metrics.accuracy_score(expected, predicted)
        values["ranking"] = metrics.label_ranking_average_precision_score(expected, scores)
        found.append({name: short(value) for name, value in values.items()})
    return found


def clusters():
    """mteb's scores of clusters."""
    found = []
    for seed in range(cases.CASES):
        values = AbsTaskClusteringLegacy._compute_metrics(None, *cases.numbered(seed))
        found.append({name: short(value) for name, value in values.items()})
    return found


def bitext():
    """mteb's mining: the nearest neighbours and their scores."""
    found = []
    for seed in range(cases.CASES):
        sources, targets, gold = cases.bilingual(seed)
        neighbours = BitextMiningEvaluator._similarity_search(None, sources, targets, Cosine())
        values = AbsTaskBitextMining._compute_metrics(None, neighbours, list(enumerate(gold)))
        rows = [one["corpus_id"] for one in neighbours]
        found.append({"rows": rows, **{name: short(value) for name, value in values.items()}})
    return found


class Cosine:
    """What mteb asks of a model to compare vectors."""

    def similarity(self, left, right):
        return cos_sim(left, right).numpy()


class Rows(dict):
    """What mteb asks of a data set: columns, and some of its rows."""

    def __len__(self):
        return len(self["label"])

    def select(self, rows):
        return Rows(label=[self["label"][row] for row in rows])


def probes():
    """mteb's draws of rows to train on, and what its classifiers tell."""
    found = []
    for seed in range(4):
        train, known, test, _ = cases.classified(seed)
        task, order, drawn = mteb.get_task("Banking77Classification"), None, []
        data = Rows(label=known)
        task.samples_per_label = 5
        for trial in range(3):
            _, order, rows = task._undersample_data(data, trial, order)
            drawn.append(list(map(int, rows)))
        few = data.select(drawn[0])
        evaluator = task.evaluator(few, None, label_column_name="label", evaluator_model=task.evaluator_model)
        told = [*map(str, evaluator(train[drawn[0]], test))]
        evaluator = task.evaluator(data, None, label_column_name="label", evaluator_model=task.evaluator_model)
        found.append({"drawn": drawn, "regression_few": told, "regression": [*map(str, evaluator(train, test))]})
    for seed, values in enumerate(found):
        train, known, test, asked = cases.tagged(seed)
        task = mteb.get_task("BrazilianToxicTweetsClassification")
        drawn = [task._undersample_data_indices(known, 5, None)[0] for _ in range(3)]
        told, classifier = _evaluate_classifier(train, cases.table(known), test, task.evaluator_model)
        scores = task._calculate_scores(cases.table(asked), told, test, classifier)
        values["drawn_sets"] = [list(map(int, rows)) for rows in drawn]
        values["neighbour_sets"] = told.tolist()
        values["scores"] = {name: short(value) for name, value in scores.items()}
        _, names, _, _ = cases.classified(seed)
        values["neighbours"] = [*map(str, _evaluate_classifier(train, names, test, task.evaluator_model)[0])]
    return found


PARTS = (ranking, agreement, thresholds, labels, multilabel, clusters, bitext, probes)


def main() -> None:
    for part in PARTS:
        rows = ",\n".join(json.dumps(row, separators=(",", ":")) for row in part())
        (HERE / f"{part.__name__}.json").write_text(f"[\n{rows}\n]\n", encoding="utf-8")


if __name__ == "__main__":
    main()
