"""How far our figures are from those of the libraries that others evaluate with, computed here and now.

    python benchmarks/evaluators.py

One table has a row for each kind of task that mteb has too, on the tests' made data and equal vectors: mteb gets those
of our encoder. The other has a row for each ranking metric against pytrec_eval (trec_eval's own code), over each query
of 200 random runs with many equal scores. Where a library is not installed its table is left out, and that is said.
"""

import sys
import warnings
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from reporting import Row, at_most, parser, print_settings, print_table

TESTS = Path(__file__).parent.parent / "tests" / "evaluating"
sys.path[:0] = [str(TESTS), str(TESTS / "golden")]

import metric_cases as cases  # noqa: E402
from made_tasks import MADE, words_subject  # noqa: E402

from likewise.evaluating.kinds import KINDS  # noqa: E402
from likewise.evaluating.ranking import ranking_metric  # noqa: E402
from likewise.evaluating.task_files import read_task, rows_of  # noqa: E402

MTEB_TARGET, TREC_TARGET = 1e-6, 1e-9


def main() -> None:
    arguments = parser(__doc__).parse_args()
    print_settings({"runs": cases.RUNS}, as_json=arguments.json)
    warnings.simplefilter("ignore")  # of the other libraries
    for needed, title, table in (
        ("mteb", "mteb, on equal vectors", _kinds),
        ("pytrec_eval", f"pytrec_eval, over {cases.RUNS} random runs", _rankings),
    ):
        if find_spec(needed) is None:
            print(f"{title}: left out, as {needed} is not installed", file=sys.stderr)
        else:
            print_table(title, list(table()), as_json=arguments.json)


def _kinds() -> Iterator[Row]:
    from mteb_tasks import scores_by_mteb  # needs mteb

    for kind, theirs in scores_by_mteb().items():
        task = read_task(MADE / f"{kind}.toml")
        ours = KINDS.get(kind).score(rows_of(task, None), task.settings, words_subject()).metrics
        worst = max(theirs, key=lambda name: abs(ours[name] - theirs[name]))
        difference = abs(ours[worst] - theirs[worst])
        yield {
            "kind": kind,
            "metrics": ", ".join(theirs),
            "greatest_difference": difference,
            "of": worst,
            **at_most(difference, MTEB_TARGET),
        }


def _rankings() -> Iterator[Row]:
    import pytrec_eval  # not everybody has it

    runs = [cases.ranking(seed) for seed in range(cases.RUNS)]
    measured = [pytrec_eval.RelevanceEvaluator(qrels, {*cases.TREC.values()}).evaluate(run) for run, qrels in runs]
    for ours, theirs in cases.TREC.items():
        metric = ranking_metric(ours)
        differences = [
            abs(value - values[query][theirs])
            for (run, qrels), values in zip(runs, measured, strict=True)
            for query, value in metric(run, qrels).items()
            if query in values  # it has none for a query that the run lacks, which is 0 here
        ]
        greatest = max(differences)
        yield {
            "metric": ours,
            "trec_eval": theirs,
            "values": len(differences),
            "greatest_difference": greatest,
            **at_most(greatest, TREC_TARGET),
        }


if __name__ == "__main__":
    main()
