"""The made data as tasks of mteb, and its scores for them: what the golden file ``kinds.json`` is made of."""

import mteb
import numpy as np
from datasets import Dataset, DatasetDict
from made_tasks import column, rows, words_subject
from mteb._evaluators.retrieval_metrics import evaluate_p_mrr_change
from mteb.abstasks import (
    AbsTaskBitextMining,
    AbsTaskClassification,
    AbsTaskClustering,
    AbsTaskMultilabelClassification,
    AbsTaskPairClassification,
    AbsTaskRetrieval,
    AbsTaskSTS,
    AbsTaskSummarization,
)
from mteb.abstasks.task_metadata import TaskMetadata

from likewise.evaluating.mteb_adapter import mteb_model


def metadata(name, type, main_score):
    return TaskMetadata(
        name=name,
        type=type,
        main_score=main_score,
        description="Made data.",
        reference=None,
        dataset={"path": "made", "revision": "1"},
        category="t2t",
        modalities=["text"],
        eval_splits=["test"],
        eval_langs=["eng-Latn"],
        date=("2020-01-01", "2020-01-01"),
        domains=[],
        task_subtypes=[],
        license="cc0-1.0",
        annotations_creators="derived",
        dialect=[],
        sample_creation="created",
        bibtex_citation="",
    )


class Sts(AbsTaskSTS):
    metadata = metadata("MadeSts", "STS", "cosine_spearman")

    def load_data(self, **_):
        kept = {"sentence1": column("pairs", "left"), "sentence2": column("pairs", "right")}
        self.dataset = DatasetDict(test=Dataset.from_dict({**kept, "score": column("pairs", "score")}))
        self.data_loaded = True


class Pairs(AbsTaskPairClassification):
    metadata = metadata("MadePairs", "PairClassification", "max_ap")

    def load_data(self, **_):
        kept = {"sentence1": column("pairs", "left"), "sentence2": column("pairs", "right")}
        self.dataset = DatasetDict(test=Dataset.from_dict({**kept, "labels": column("pairs", "label")}))
        self.data_loaded = True


class Bitext(AbsTaskBitextMining):
    metadata = metadata("MadeBitext", "BitextMining", "f1")

    def load_data(self, **_):
        kept = {"sentence1": column("bitext", "left"), "sentence2": column("bitext", "right")}
        self.dataset = DatasetDict(test=Dataset.from_dict(kept))
        self.data_loaded = True


class Classification(AbsTaskClassification):
    metadata = metadata("MadeClassification", "Classification", "accuracy")

    def load_data(self, **_):
        self.dataset = DatasetDict(
            {
                split: Dataset.from_dict({"text": column(split, "text"), "label": column(split, "label")})
                for split in ("train", "test")
            }
        )
        self.data_loaded = True


class Multilabel(AbsTaskMultilabelClassification):
    metadata = metadata("MadeMultilabel", "MultilabelClassification", "accuracy")

    def load_data(self, **_):
        names = {"train": "multi_train", "test": "multi_test"}
        self.dataset = DatasetDict(
            {
                split: Dataset.from_dict({"text": column(name, "text"), "label": column(name, "labels")})
                for split, name in names.items()
            }
        )
        self.data_loaded = True


class Clustering(AbsTaskClustering):
    metadata = metadata("MadeClustering", "Clustering", "v_measure")
    max_fraction_of_documents_to_embed = None
    max_documents_per_cluster, n_clusters = 300, 3

    def load_data(self, **_):
        kept = {"sentences": column("train", "text"), "labels": column("train", "label")}
        self.dataset = DatasetDict(test=Dataset.from_dict(kept))
        self.data_loaded = True


class Summaries(AbsTaskSummarization):
    metadata = metadata("MadeSummaries", "Summarization", "cosine_spearman")
    min_score, max_score = 1, 5

    def load_data(self, **_):
        kept = {
            "text": [""] * len(rows("summaries")),
            "human_summaries": column("summaries", "human"),
            "machine_summaries": column("summaries", "machine"),
            "relevance": column("summaries", "scores"),
        }
        self.dataset = DatasetDict(test=Dataset.from_dict(kept))
        self.data_loaded = True


class Retrieval(AbsTaskRetrieval):
    metadata = metadata("MadeRetrieval", "Retrieval", "ndcg_at_10")
    queries_file, qrels_file, top_ranked = "queries", "qrels", None

    def load_data(self, **_):
        relevant = {}
        for row in rows(self.qrels_file):
            relevant.setdefault(row["query"], {})[row["document"]] = row.get("grade", 1)
        self.dataset = {
            "default": {
                "test": {
                    "corpus": Dataset.from_list(rows("documents")),
                    "queries": Dataset.from_list(rows(self.queries_file)),
                    "relevant_docs": relevant,
                    "top_ranked": self.top_ranked,
                }
            }
        }
        self.data_loaded = True

    def task_specific_scores(self, scores, qrels, results, hf_split, hf_subset):
        """mteb rounds its own to five digits."""
        names = {"ndcg@10": "ndcg_cut_10", "map": "map_cut_1000", "recall@100": "recall_100", "precision@10": "P_10"}
        exact = {ours: float(np.mean([one[theirs] for one in scores.values()])) for ours, theirs in names.items()}
        return {f"exact {name}": value for name, value in exact.items()}


class Reranking(Retrieval):
    metadata = metadata("MadeReranking", "Reranking", "map_at_1000")

    def load_data(self, **_):
        self.top_ranked = {}
        run = (__import__("made_tasks").MADE / "candidates.run").read_text(encoding="utf-8")
        for line in run.splitlines():
            query, _, document, *_ = line.split()
            self.top_ranked.setdefault(query, []).append(document)
        super().load_data()


class Instructions(Retrieval):
    metadata = metadata("MadeInstructions", "InstructionRetrieval", "p-MRR")
    queries_file, qrels_file = "instructed_queries", "instructed_qrels"

    def task_specific_scores(self, scores, qrels, results, hf_split, hf_subset):
        changed = {row["before"].removesuffix("-og"): row["documents"] for row in rows("changes")}
        return {"p-MRR": float(evaluate_p_mrr_change(qrels, results, changed, self.k_values)["p-MRR"])}


# By kind: the task, and mteb's name for each of our metrics.
_RANKING = {name: f"exact {name}" for name in ("ndcg@10", "map", "recall@100", "precision@10")}
TASKS = {
    "sts": (Sts, {"spearman": "cosine_spearman", "pearson": "cosine_pearson"}),
    "pair_classification": (
        Pairs,
        {name: f"cosine_{name}" for name in ("ap", "accuracy", "f1", "precision", "recall")},
    ),
    "bitext_mining": (Bitext, {name: name for name in ("f1", "accuracy", "precision")}),
    "classification": (Classification, {name: name for name in ("accuracy", "f1", "f1_weighted")}),
    "multilabel": (Multilabel, {"accuracy": "accuracy", "f1": "f1", "jaccard": "hamming", "lrap": "lrap"}),
    "clustering": (Clustering, {"v_measure": "v_measure"}),
    "summary_scoring": (Summaries, {"spearman": "cosine_spearman", "pearson": "cosine_pearson"}),
    "retrieval": (Retrieval, {**_RANKING, "mrr@10": "mrr_at_10"}),
    "reranking": (Reranking, {"map": "exact map", "ndcg@10": "exact ndcg@10", "mrr@10": "mrr_at_10"}),
    "instruction_retrieval": (Instructions, {"p-mrr": "p-MRR"}),
}


def scores_by_mteb(*, normalise=True):
    """mteb's figure for each of our metrics, by kind."""
    model = mteb_model(words_subject(normalise=normalise))
    found = {}
    for kind, (task, names) in TASKS.items():
        result = mteb.evaluate(model, task(), cache=None, show_progress_bar=False, co2_tracker=False)
        (scores,) = result.task_results[0].scores["test"]
        found[kind] = {ours: float(scores[theirs]) for ours, theirs in names.items()}
    return found
