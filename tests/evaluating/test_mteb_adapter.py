"""Models run in mteb, and mteb's own evaluators still give what the golden file says."""

import json

import numpy as np
import pytest
from made_tasks import KINDS_BY_MTEB, MADE, WordsEncoder, words_subject
from tiny_model import write_model
from tiny_outputs import write_cross_encoder, write_multi_vector, write_sparse

from likewise.errors import SettingError
from likewise.evaluating.keeping import Keeper
from likewise.evaluating.kinds import KINDS
from likewise.evaluating.runner import open_subject
from likewise.evaluating.subjects import dense_subject
from likewise.evaluating.task_files import read_task, rows_of

pytestmark = [pytest.mark.oracle, pytest.mark.filterwarnings("default")]
OUTPUTS = {
    "dense": write_model,
    "sparse": write_sparse,
    "multi_vector": lambda folder: write_multi_vector(folder, expansion=None),
    "scores": write_cross_encoder,
}


@pytest.fixture(scope="module")
def mteb_tasks():
    pytest.importorskip("mteb")
    import mteb_tasks

    return mteb_tasks


def ours(kind, subject):
    task = read_task(MADE / f"{kind}.toml")
    return KINDS.get(kind).score(rows_of(task, None), task.settings, subject).metrics


def test_mteb_still_gives_the_golden_figures(mteb_tasks):
    found = mteb_tasks.scores_by_mteb()
    expected = json.loads(KINDS_BY_MTEB.read_text(encoding="utf-8"))
    assert found.keys() == expected.keys()
    for kind, scores in expected.items():
        assert found[kind] == pytest.approx(scores, abs=1e-6, rel=0), kind


def test_vectors_that_are_not_of_unit_length_score_alike_too(mteb_tasks):
    subject = words_subject(normalise=False)
    for kind, scores in mteb_tasks.scores_by_mteb(normalise=False).items():
        found = ours(kind, subject)
        assert {name: found[name] for name in scores} == pytest.approx(scores, abs=1e-6, rel=0), kind


@pytest.mark.parametrize("output", OUTPUTS)
def test_models_of_every_output_run_in_mteb(output, mteb_tasks, tmp_path, networks):
    import mteb

    from likewise.evaluating.mteb_adapter import mteb_model

    folder = OUTPUTS[output](tmp_path / output)
    subject = open_subject(folder, label="tiny", precision="float32", folder=tmp_path / "kept")
    model = mteb_model(subject, revision="1")
    protocols = {"dense": mteb.EncoderProtocol, "scores": mteb.CrossEncoderProtocol}
    assert isinstance(model, protocols.get(output, mteb.SearchProtocol))
    meta = model.mteb_model_meta
    assert (meta.name, meta.revision, meta.max_tokens) == ("likewise/tiny", "1", subject.contract.max_tokens)
    result = mteb.evaluate(model, mteb_tasks.Reranking(), cache=None, show_progress_bar=False, co2_tracker=False)
    (scores,) = result.task_results[0].scores["test"]
    found = ours("reranking", subject)
    names = mteb_tasks.TASKS["reranking"][1]
    assert found == pytest.approx({name: scores[theirs] for name, theirs in names.items()}, abs=1e-6, rel=0)
    subject.close()


def test_prompts_are_those_of_the_role(mteb_tasks):
    from mteb.types import PromptType

    from likewise.evaluating.mteb_adapter import MtebEncoder

    encoder = WordsEncoder(prompts={"query": "ask ", "document": ""})
    model = MtebEncoder(dense_subject("words", encoder, kept=Keeper(None)))
    batches = [{"text": ["t1w1", "t1w2"]}, {"text": ["t1w3"]}]
    for given, role in ((PromptType.query, "query"), (PromptType.document, "document"), (None, "document")):
        found = model.encode(batches, task_metadata=None, hf_split="test", hf_subset="", prompt_type=given)
        np.testing.assert_array_equal(found, encoder.encode(["t1w1", "t1w2", "t1w3"], role=role))
    assert model.mteb_model_meta.use_instructions


def test_a_model_without_vectors_is_no_encoder_of_mteb(mteb_tasks, tmp_path, networks):
    from likewise.evaluating.mteb_adapter import MtebEncoder

    subject = open_subject(write_sparse(tmp_path / "s"), label="tiny", precision="float32", folder=tmp_path / "kept")
    with pytest.raises(SettingError, match="tiny gives no single vector a text"):
        MtebEncoder(subject)
    subject.close()
