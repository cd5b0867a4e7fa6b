"""Nothing is scored twice, a kill loses nothing, and what failed is named."""

import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made_tasks import MADE, WordsEncoder, words_subject
from tiny_model import write_model
from tiny_outputs import write_cross_encoder, write_multi_vector, write_sparse

from likewise.errors import ModelError
from likewise.evaluating import runner
from likewise.evaluating.keeping import Keeper
from likewise.evaluating.runner import can_do, evaluate, load_any, open_subject
from likewise.evaluating.scores import Failure, Score
from likewise.evaluating.subjects import dense_subject
from likewise.evaluating.task_files import read_task

TESTS = Path(__file__).parent
TASKS = [read_task(path) for path in sorted(MADE.glob("*.toml"))]


@pytest.fixture
def kept():
    with Keeper(None) as opened:
        yield opened


def test_scores_are_kept_by_contract_task_and_data(kept):
    first = list(evaluate(words_subject(), TASKS, data=None, kept=kept))
    assert [one.task for one in first] == [task.name for task in TASKS]
    assert all(isinstance(one, Score) for one in first)
    subject = words_subject()
    subject._encoder.asked.clear()
    assert list(evaluate(subject, TASKS, data=None, kept=kept)) == first
    assert subject._encoder.asked == []
    other = list(evaluate(words_subject(seed="another"), TASKS, data=None, kept=kept))
    assert [one.score for one in other] != [one.score for one in first]


class Recompiled(WordsEncoder):
    """The same contract, and other vectors."""

    def _vector(self, text):
        return super()._vector(text)[::-1] * np.arange(1, 17)


def test_scores_of_a_model_that_gives_others_now_are_not_taken(kept, tmp_path):
    (task,) = [one for one in TASKS if one.name == "retrieval"]
    path, found = tmp_path / "vectors.sqlite3", []
    for encoder in (WordsEncoder(), Recompiled()):
        subject = dense_subject("words", encoder, kept=Keeper(path))
        found += evaluate(subject, [task], data=None, kept=kept)
        subject.close()
    assert found[0].score != found[1].score


def test_another_setting_is_another_score(kept):
    (task,) = [one for one in TASKS if one.name == "classification"]
    changed = replace(task, settings=replace(task.settings, seed=7))
    first, second = evaluate(words_subject(), [task, changed], data=None, kept=kept)
    assert first.score != second.score


def test_what_fails_is_named_and_the_rest_goes_on(kept, tmp_path):
    bad = tmp_path / "bad.toml"
    bad.write_text((MADE / "sts.toml").read_text(encoding="utf-8"))
    (tmp_path / "pairs.jsonl").write_text('{"left": "a", "right": "b", "score": "high"}\n')
    found = list(evaluate(words_subject(), [read_task(bad), TASKS[0]], data=None, kept=kept))
    reason = "pairs.jsonl, line 1: score must be a finite number, got 'high'"
    assert found[0] == Failure(model="words", task="bad", reason=reason)
    assert isinstance(found[1], Score)


class Broken(WordsEncoder):
    """Gives vectors of no numbers."""

    def encode(self, texts, *, role, overflow="error"):
        return super().encode(texts, role=role) * float("nan" if len(texts) > 3 else 1)


def test_a_model_that_gives_no_numbers_fails_and_never_scores_nan(kept):
    subject = dense_subject("broken", Broken(), kept=Keeper(None))
    found = list(evaluate(subject, TASKS, data=None, kept=kept))
    assert len(found) == len(TASKS)
    assert {one.reason.partition(" for ")[0] for one in found} == {"broken gives no finite numbers"}


def test_a_task_that_a_model_is_not_made_for_fails_with_the_reason(kept, tmp_path, networks, monkeypatch):
    monkeypatch.setattr(runner, "kept_folder", lambda: tmp_path / "kept")
    subject = open_subject(write_sparse(tmp_path / "sparse"), label="tiny", precision="float32")
    assert {task.name for task in TASKS if not can_do(subject, task)} == {
        "bitext_mining", "classification", "clustering", "multilabel", "out_of_scope",
    }  # fmt: skip
    (failed,) = evaluate(subject, [task for task in TASKS if task.name == "clustering"], data=None, kept=kept)
    assert failed.reason == "tiny gives pairs, search, and a task of clustering needs vectors"
    subject.close()


@pytest.mark.parametrize("output", ["dense", "sparse", "multi_vector", "scores"])
def test_models_of_every_output_are_opened_and_scored(output, kept, tmp_path, networks):
    write = {
        "dense": write_model,
        "sparse": write_sparse,
        "multi_vector": lambda folder: write_multi_vector(folder, expansion=None),
        "scores": write_cross_encoder,
    }[output]
    folder = write(tmp_path / output)
    assert load_any(folder, precision="float32")[1] == output
    subject = open_subject(folder, label="tiny", precision="float32", folder=tmp_path / "kept")
    assert (subject.name, subject.output) == ("tiny", output)
    (found,) = evaluate(subject, [task for task in TASKS if task.name == "reranking"], data=None, kept=kept)
    assert isinstance(found, Score)
    subject.close()
    assert list((tmp_path / "kept").glob("vectors-*.sqlite3"))


def test_a_model_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(ModelError):
        open_subject(tmp_path, folder=tmp_path / "kept")


CHILD = """
import sys, time
sys.path[:0] = sys.argv[1:3]
from pathlib import Path
from made_tasks import MADE, WordsEncoder
from likewise.evaluating import subjects
from likewise.evaluating.keeping import Keeper
from likewise.evaluating.runner import evaluate
from likewise.evaluating.subjects import dense_subject
from likewise.evaluating.task_files import read_task

subjects._WINDOW = 16

class Slow(WordsEncoder):
    def encode(self, texts, *, role, overflow="error"):
        print(len(texts), flush=True)
        time.sleep(0.01)
        return super().encode(texts, role=role)

folder = Path(sys.argv[3])
subject = dense_subject("slow", Slow(), kept=Keeper(folder / "vectors.sqlite3"))
tasks = [read_task(MADE / f"{name}.toml") for name in sys.argv[4:]]
with Keeper(folder / "scores.sqlite3") as kept:
    for one in evaluate(subject, tasks, data=None, kept=kept):
        print(one.task, one.score, flush=True)
"""


def test_a_run_that_is_killed_goes_on_where_it_was(tmp_path):
    """Each kill costs at most the window that was being encoded; the scores are those of a run that was not killed."""
    tasks = [task for task in TASKS if task.name in ("bitext_mining", "classification", "retrieval")]
    command = [sys.executable, "-c", CHILD, str(TESTS), str(TESTS.parent), str(tmp_path)]
    command += [task.name for task in tasks]
    encoded = 0
    for lines in (6, 14):
        child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        for _ in range(lines):
            line = child.stdout.readline().strip()
            encoded += int(line) if line.isdigit() else 0
        child.send_signal(signal.SIGKILL)
        child.communicate()
    done = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    encoded += sum(int(line) for line in done if line.isdigit())
    whole = words_subject()
    with Keeper(None) as kept:
        expected = list(evaluate(whole, tasks, data=None, kept=kept))
    assert [line.split() for line in done if not line.isdigit()] == [[one.task, str(one.score)] for one in expected]
    canaries = 3
    needed = len(whole._encoder.asked) - canaries
    assert needed <= encoded <= needed + 3 * canaries + 2 * 2 * 16
