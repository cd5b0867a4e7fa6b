"""Settings chosen on labelled queries: choosing itself, and a whole index with a model of random weights."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from tiny_model import write_model

import likewise as lw
from likewise.chunking import ChunkSettings
from likewise.cli.tune import tune_index
from likewise.errors import ArtifactError, DataError, SettingError, UnknownNameError
from likewise.evaluating.spans import Span
from likewise.evaluating.tuning import LabelledQueries, TuneSettings, index_labels, put_to_use, trying, tune
from likewise.evaluating.tuning.axes import Axis, Change, Setup, axes_of, usual_chunks
from likewise.evaluating.tuning.choosing import Folds, choose, held_out
from likewise.evaluating.tuning.cutting import Cuttings, own_documents
from likewise.searching.settings import SearchSettings

NOW = Setup(chunks=ChunkSettings(), search=SearchSettings())
DEPTHS = Axis(name="depth", settings=("depth",), changes=[Change(search={"depth": depth}) for depth in range(101, 121)])
FOLDS = Folds(count=5, seed=0)


def noise(setup: Setup) -> np.ndarray:
    """Each setup as good as any other, on 200 queries."""
    return np.random.default_rng(setup.search.depth).random(200)


def test_folds_part_the_rows():
    rows = np.arange(3, 20)
    parts = list(FOLDS.of(rows))
    assert len(parts) == 5
    assert sorted(np.concatenate([held for _, held in parts])) == rows.tolist()
    for kept, held in parts:
        assert sorted([*kept, *held]) == rows.tolist()
    assert [held.tolist() for _, held in FOLDS.of(rows)] == [held.tolist() for _, held in parts]
    assert len(list(FOLDS.of(np.arange(3)))) == 3


def test_what_is_better_is_chosen_and_its_gain_measured():
    def values_of(setup):
        return noise(setup) + 0.3 * (setup.search.depth == 107)

    assert choose([DEPTHS], NOW, values_of, np.arange(200), FOLDS).search.depth == 107
    found = held_out([DEPTHS], NOW, values_of, 200, FOLDS)
    assert {setup.search.depth for setup in found.setups} == {107}
    assert found.values.tolist() == values_of(found.setups[0]).tolist()


def test_where_there_is_nothing_to_gain_the_index_mostly_stays_and_no_gain_is_claimed():
    stayed, gains = 0, []
    for trial in range(60):
        values = {depth: np.random.default_rng([trial, depth]).random(80) for depth in range(100, 121)}

        def values_of(setup, values=values):
            return values[setup.search.depth]

        stayed += choose([DEPTHS], NOW, values_of, np.arange(80), FOLDS) == NOW
        gains.append(held_out([DEPTHS], NOW, values_of, 80, FOLDS).values.mean() - values_of(NOW).mean())
    assert stayed >= 40
    assert abs(np.mean(gains)) < 0.01  # the best of 20 by chance looks .08 better than it is


def test_a_choice_never_sees_the_fold_that_measures_it():
    def values_of(setup):  # on each fold another depth is far better than on the others
        values = np.zeros(100)
        for number, (_, held) in enumerate(FOLDS.of(np.arange(100))):
            values[held] = 1.0 if setup.search.depth == 101 + number else 0.0
        return values

    assert held_out([DEPTHS], NOW, values_of, 100, FOLDS).values.max() == 0


def test_axes_hold_what_the_index_has_and_nothing_twice():
    axes = axes_of(NOW, usual_chunks(NOW.chunks, max_tokens=256))
    assert [axis.name for axis in axes] == ["chunks", "BM25", "expansion", "fusion", "smoothing", "feedback"]
    assert axes[0].shown(NOW) == "200 tokens (auto)"
    for axis in axes:
        options = axis.options(NOW)
        assert options[0] == NOW
        assert len({one.key for one in options}) == len(options) >= 3
    sizes = [(one.max_tokens, one.overlap_tokens) for one in usual_chunks(NOW.chunks, max_tokens=256)]
    assert sizes == [(50, 0), (100, 0), (200, 0), (200, 50)]
    assert usual_chunks(ChunkSettings(way="whole"), max_tokens=8192)[0].way == "auto"


WORDS = [a + b for a in "abcdefgh" for b in "abcdefgh"]  # words of the model's letters
CHUNKS = ChunkSettings(max_tokens=11)
START = SearchSettings(depth=10)


@pytest.fixture(scope="module")
def documents():
    """Texts of random words, each with a sentence of its own in front."""
    random = np.random.default_rng(0)
    return [
        lw.Document(id=str(number), text=f"{word} {word} {word}. {' '.join(random.choice(WORDS, 14))}.")
        for number, word in enumerate(WORDS[:24])
    ]


@pytest.fixture(scope="module")
def labels(documents):
    """Words find the right document, random vectors do not."""
    texts = {one.id: one.text[:2] for one in documents}
    return LabelledQueries(texts=texts, qrels={id: {id: 1} for id in texts}, spans={})


@pytest.fixture(scope="module")
def span_labels(labels, documents):
    return LabelledQueries(texts=labels.texts, qrels={}, spans={one.id: [Span(one.id, 0, 9)] for one in documents})


@pytest.fixture(scope="module")
def tuned(tmp_path_factory, documents, labels):
    """A folder with a model, an index that was tuned, and what was kept; and what came out."""
    folder = tmp_path_factory.mktemp("tuned")
    with lw.Index(folder / "index", model=write_model(folder / "tiny"), chunks=CHUNKS) as made:
        made.add(documents)
        made.configure(START)
    return folder, tune(folder / "index", labels, folder=folder / "kept")


@pytest.fixture
def model(tuned):
    return tuned[0] / "tiny"


@pytest.fixture
def kept(tuned, tmp_path):
    return shutil.copytree(tuned[0] / "kept", tmp_path / "kept")


@pytest.fixture
def index(tuned, tmp_path):
    """The index, for a test to change."""
    with lw.Index(shutil.copytree(tuned[0] / "index", tmp_path / "index")) as opened:
        yield opened


def test_what_is_tried_is_what_the_index_answers(index, labels, kept):
    queries = list(labels.texts.values())
    with Cuttings(index.path, (), folder=kept, progress=lambda *_: None) as cuttings:
        by_rank = replace(START, k1=2.0, b=0.25, fusion="reciprocal_rank", weights={"dense": 0.3, "lexical": 1.0})
        for search in (START, by_rank, replace(START, feedback=3, smoothing=0.0, per_document=1)):
            found = cuttings.of(CHUNKS).answers(queries, search)
            for query, spans in zip(queries, found, strict=True):
                hits = index.search(query, k=search.depth, settings=search)
                assert spans == [Span(hit.document_id, hit.start, hit.end) for hit in hits]


def test_words_are_trusted_where_they_are_right(tuned):
    found = tuned[1]
    assert (found.measure, found.queries, found.now) == ("ndcg@10", 24, Setup(chunks=CHUNKS, search=START))
    fusion = next(axis for axis in found.axes if axis.name == "fusion")
    assert fusion.alone.significant
    assert found.gain.significant
    assert found.gain.difference.low > 0
    assert found.gain.after > found.gain.before
    assert found.verdict.startswith("The choice is better by more than chance gives")
    assert found.choice.search.fusion != START.fusion or found.choice.search.weights["lexical"] > 0.025
    assert found.notes == ["24 queries show great differences only; 50 and more are better"]


def test_vectors_in_fewer_bits_are_told_with_what_they_cost(index, labels, kept, tuned):
    assert [one.precision for one in tuned[1].smaller] == ["float16", "int8", "binary"]
    queries, by_meaning = list(labels.texts.values()), replace(START, fusion="scores", weights={"lexical": 0.0})
    with Cuttings(index.path, (), folder=kept, progress=lambda *_: None) as cuttings:
        cutting = cuttings.of(CHUNKS)
        whole = cutting.answers(queries, by_meaning)
        halves, signs = (cutting.answers(queries, by_meaning, vectors=one) for one in ("float16", "binary"))
    first = [spans[0] for spans in whole]
    assert sum(spans[0] == one for spans, one in zip(halves, first, strict=True)) >= 22
    assert signs != whole


def test_a_choice_put_to_use_is_what_the_index_answers_by(tuned, index, labels, kept):
    put_to_use(tuned[1], index.path)
    assert index.settings() == tuned[1].choice.search
    again = tune(index.path, labels, folder=kept)
    assert again.now == tuned[1].choice
    assert not again.gain.significant


def test_a_second_run_searches_nothing(tuned, index, labels, kept, monkeypatch):
    def answer(*_):
        raise AssertionError("searched again")

    monkeypatch.setattr(trying, "answer", answer)
    assert tune(index.path, labels, folder=kept) == tuned[1]


def test_a_stopped_run_goes_on_from_there(tuned, index, labels, tmp_path, monkeypatch):
    asked, real = [], trying.answer

    def count(tools, question):
        asked.append(question)
        return real(tools, question)

    def stop(tools, question):
        if len(asked) == 100:
            raise KeyboardInterrupt
        return count(tools, question)

    monkeypatch.setattr(trying, "answer", stop)
    with pytest.raises(KeyboardInterrupt):
        tune(index.path, labels, folder=tmp_path / "new")
    monkeypatch.setattr(trying, "answer", count)
    assert tune(index.path, labels, folder=tmp_path / "new") == tuned[1]
    tried = {Setup(chunks=CHUNKS, search=question.settings).key for question in asked}
    assert (
        len(asked) == (len(tried) + 3) * 24 + 100 % 24
    )  # in three precisions too; only the setup that was being tried is tried again


def test_changed_documents_are_searched_again(tuned, index, documents, labels, kept):
    index.add([replace(one, text="cc dd.") for one in documents])
    assert tune(index.path, labels, folder=kept).gain.after < tuned[1].gain.after


def test_chunk_sizes_are_compared_by_spans_and_a_new_index_has_the_choice(index, span_labels, documents, tmp_path):
    index.configure(replace(START, fusion="reciprocal_rank", weights={"dense": 0.0, "lexical": 1.0}, smoothing=0.0))
    settings = TuneSettings(max_tokens=(8,), measure="span_precision@1")
    told = []
    found = tune(
        index.path,
        span_labels,
        documents=documents,
        settings=settings,
        folder=tmp_path / "kept",
        progress=lambda what, *_: told.append(what),
    )
    assert found.axes[0].name == "chunks"
    assert found.choice.chunks.max_tokens == 8  # a smaller chunk holds less beside the sentence
    assert found.gain.significant
    assert "trying chunks" in told

    with pytest.raises(SettingError, match="can't be cut again"):
        put_to_use(found, index.path)
    put_to_use(found, index.path, documents=documents, to=tmp_path / "new", folder=tmp_path / "kept")
    with lw.Index(tmp_path / "new") as new:
        assert new.settings() == found.choice.search
        hit = new.search(span_labels.texts["7"], k=1)[0]
        assert (hit.document_id, hit.start) == ("7", 0)
        assert new.add(documents).unchanged == len(new) == len(documents)


def test_texts_that_another_index_embedded_are_not_embedded_again(index, documents, model, tmp_path):
    with lw.Index(tmp_path / "again", model=model, chunks=CHUNKS) as again:
        report = again.add(documents, vectors_from=[index.path])
        assert (report.tokens, report.reused) == (0, report.chunks)
        assert again.search("ab", k=5, mode="dense") == index.search("ab", k=5, mode="dense")


def test_vectors_of_another_model_are_refused(index, documents, tmp_path):
    other = write_model(tmp_path / "other", pooling="cls")
    with (
        lw.Index(tmp_path / "again", model=other, chunks=CHUNKS) as again,
        pytest.raises(ArtifactError, match="pooling"),
    ):
        again.add(documents, vectors_from=[index.path])


def test_documents_come_from_the_files_that_were_indexed(tmp_path, model):
    folder = tmp_path / "docs"
    folder.mkdir()
    for number in range(3):
        (folder / f"{number}.txt").write_text("ab cd.")
    index = lw.Index(tmp_path / "index", model=model)
    index.add(lw.read(folder))
    assert len(list(own_documents(index.path))) == 3
    index.add([lw.Document(id="of no file", text="ef.")])
    assert own_documents(index.path) is None


def test_fewer_queries_than_folds_need(index):
    few = LabelledQueries(texts={"0": "aa"}, qrels={"0": {"0": 1}}, spans={})
    with pytest.raises(DataError, match="1 queries are too few for 5 folds: give at least 10, or ask for fewer folds"):
        tune(index.path, few)
    with pytest.raises(SettingError, match="folds is 1"):
        TuneSettings(folds=1)


def test_labels_that_the_index_does_not_hold(index, labels, span_labels, tmp_path):
    unknown = LabelledQueries(texts=labels.texts, qrels={**labels.qrels, "3": {"nowhere": 1}}, spans={})
    with pytest.raises(DataError, match="query '3': no document of the index has the id 'nowhere'"):
        tune(index.path, unknown, folder=tmp_path / "kept")
    beyond = LabelledQueries(texts=labels.texts, qrels={}, spans={**span_labels.spans, "3": [Span("3", 0, 999)]})
    with pytest.raises(DataError, match="query '3': the span 0 to 999 is not within a document"):
        tune(index.path, beyond, folder=tmp_path / "kept")
    with pytest.raises(DataError, match="all of one kind"):
        LabelledQueries(texts=labels.texts, qrels=labels.qrels, spans=span_labels.spans)
    with pytest.raises(UnknownNameError, match="Did you mean 'span_recall@5'"):
        tune(index.path, span_labels, settings=TuneSettings(measure="span_recal@5"))
    with pytest.raises(UnknownNameError, match="measure of documents found"):
        tune(index.path, labels, settings=TuneSettings(measure="span_recall@5"))


def test_documents_that_are_not_those_of_the_index(index, labels, documents, tmp_path):
    with pytest.raises(DataError, match="the index holds '9', which is not among the documents"):
        tune(index.path, labels, documents=[one for one in documents if one.id != "9"], folder=tmp_path / "kept")
    changed = [*documents[1:], lw.Document(id="0", text="hh.")]
    with pytest.raises(DataError, match="document '0' is not in the index as it is now"):
        tune(index.path, labels, documents=changed, folder=tmp_path / "kept")


def test_an_empty_index_and_none_at_all(tmp_path, model, labels):
    with pytest.raises(ArtifactError, match="is no index"):
        tune(tmp_path / "nowhere", labels, folder=tmp_path / "kept")
    lw.Index(tmp_path / "index", model=model).add([])
    with pytest.raises(DataError, match="holds no document to search for"):
        tune(tmp_path / "index", labels, folder=tmp_path / "kept")


def write_lines(path, rows):
    path.write_text("\n".join(map(json.dumps, rows)))
    return path


def test_the_command_shows_writes_and_prints_json(index, labels, kept, tmp_path, capsys):
    def run(*arguments):
        given = [str(index.path), "--kept", str(kept), *map(str, arguments)]
        tune_index.main(given, prog_name="likewise tune", standalone_mode=False)
        return capsys.readouterr()

    queries = write_lines(tmp_path / "q.jsonl", [{"id": id, "text": text} for id, text in labels.texts.items()])
    qrels = tmp_path / "r.tsv"
    qrels.write_text("query-id\tcorpus-id\tscore\n" + "".join(f"{id}\t{id}\t1\n" for id in labels.texts))
    shown = run("--queries", queries, "--qrels", qrels)
    lines = shown.out.splitlines()
    assert lines[0] == "24 queries, ndcg@10, 5 folds"
    assert lines[2].split()[:3] == ["setting", "now", "chosen"]
    assert any(line.startswith("All together, on held-out queries: ") for line in lines)
    assert "Chunk sizes were not tried: that takes the documents, see --documents." in lines
    assert index.settings() == START

    *axes, summary = map(json.loads, run("--queries", queries, "--qrels", qrels, "--json").out.splitlines())
    assert [axis["setting"] for axis in axes] == ["BM25", "expansion", "fusion", "smoothing", "feedback"]
    low, high = summary["interval"]
    assert low <= summary["difference"] <= high
    assert summary["significant"]
    assert run("--queries", queries, "--qrels", qrels, "--write").err.endswith("answers as chosen from now on\n")
    assert index.settings().weights == summary["choice"]["search"]["weights"]
    assert "nothing was written" in run("--queries", queries, "--qrels", qrels, "--write").err

    for arguments, message in (
        (["--write", "--to", tmp_path / "x"], "ask for one of them"),
        (["--anyway"], "give it with --write or --to"),
        (["--to", index.path], "is an index already"),
        (["--max-tokens", 8], "name all that was indexed with --documents"),
    ):
        with pytest.raises(SettingError, match=message):
            run("--queries", queries, "--qrels", qrels, *arguments)


def test_labels_of_files(tuned, tmp_path):
    queries = write_lines(tmp_path / "q.jsonl", [{"_id": 1, "text": "aa"}, {"_id": 2, "text": "ab", "url": "x"}])
    (tmp_path / "trec.qrels").write_text("1 0 0 2\n1 0 5 0\n")
    found = index_labels(tuned[0] / "index", queries=queries, qrels=tmp_path / "trec.qrels")
    assert (found.texts, found.qrels) == ({"1": "aa"}, {"1": {"0": 2, "5": 0}})
    assert found.notes == [
        "1 queries without judgements left out",
        "keys of the queries that say nothing here: url",
    ]
    inline = write_lines(
        tmp_path / "i.jsonl", [{"query": "aa", "relevant": ["0", "3"]}, {"query": "ab", "relevant": 1}]
    )
    assert list(index_labels(tuned[0] / "index", queries=inline).qrels.values()) == [{"0": 1, "3": 1}, {"1": 1}]
    spans = write_lines(tmp_path / "s.jsonl", [{"text": "aa", "spans": [{"document": "0", "start": 1, "end": 4}]}])
    assert list(index_labels(tuned[0] / "index", queries=spans).spans.values()) == [[Span("0", 1, 4)]]


@pytest.mark.parametrize(
    ("rows", "qrels", "message"),
    [
        ([], "", "holds no query"),
        ([{"id": 1}], "1 0 0 1", "line 1 has no query: expected a key 'text', got \\['id'\\]"),
        ([{"id": 1, "text": " "}], "1 0 0 1", "line 1: the query is blank"),
        ([{"id": 1, "text": "a"}, {"id": 1, "text": "b"}], "1 0 0 1", "line 2: the id '1' is there already"),
        ([{"id": 1, "text": "a"}], "2 0 0 1", "line 1: no query has the id '2'"),
        ([{"id": 1, "text": "a"}], "1 0 77 1", "line 1: no document named '77'"),
        ([{"id": 1, "text": "a"}], "1 0 7 1\n1 0 7 2", "line 2: document '7' is judged twice for query '1'"),
        ([{"id": 1, "text": "a"}], "a\tb\n1\t2\n", "can't tell which columns are query and document among"),
        ([{"id": 1, "text": "a"}], "query\tdocument\tgrade\n1\t2\tmany\n", "line 2: grade must be a finite number"),
        ([{"id": 1, "text": "a"}], "query\tdocument\n", "holds no judgement"),
        ([{"id": 1, "text": "a"}], None, "has no answers in its lines: give qrels"),
        ([{"text": "a", "relevent": ["1"]}], None, "line 1 has the key 'relevent'. Did you mean 'relevant'?"),
        ([{"text": "a", "relevant": []}], None, "line 1: the query has no relevant document"),
        ([{"text": "a", "relevant": [1]}, {"text": "b"}], None, "line 2: the query has no relevant document"),
        ([{"text": "a", "relevant": [1], "spans": []}], None, "has both 'relevant' and 'spans' in its lines"),
        ([{"text": "a", "query": "b", "relevant": [1]}], None, "line 1 has both 'text' and 'query'"),
        ([{"text": "a", "spans": [{"document": 1, "start": 0}]}], None, "spans must be objects with document, start"),
        ([{"text": "a", "spans": [{"document": 1, "start": 5, "end": 500}]}], None, "which has \\d+ characters"),
        ([{"text": "a", "spans": [{"document": 1, "start": 5, "end": 5}]}], None, "expected 0 <= start < end"),
        ([{"text": "a", "spans": [{"document": 1, "start": 0, "end": 2, "x": 1}]}], None, "no key of a span named 'x'"),
    ],
)
def test_labels_that_can_not_be_used(tuned, tmp_path, rows, qrels, message):
    queries = write_lines(tmp_path / "q.jsonl", rows)
    if qrels is not None:
        (tmp_path / "r.tsv").write_text(qrels)
    with pytest.raises(DataError, match=message):
        index_labels(tuned[0] / "index", queries=queries, qrels=None if qrels is None else tmp_path / "r.tsv")


def test_answers_in_two_places(tuned, tmp_path):
    queries = write_lines(tmp_path / "q.jsonl", [{"id": 1, "text": "a", "relevant": [1]}])
    (tmp_path / "r.tsv").write_text("1 0 0 1")
    with pytest.raises(SettingError, match="leave the qrels out, or those"):
        index_labels(tuned[0] / "index", queries=queries, qrels=tmp_path / "r.tsv")
