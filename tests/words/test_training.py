"""Training of words and documents: each kernel against slow numpy, the same vectors each time, and after a stop."""

import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest

from likewise.errors import ArtifactError, SettingError, UnknownNameError
from likewise.words import _checkpoints, _kernels, _learning, documents
from likewise.words._kernels import CBOW, DBOW, DM, NGRAMS, NO_KIND, Block, Plan, train_means, train_pairs
from likewise.words._tables import alias_table, huffman, tables
from likewise.words.training import TrainingSettings, train
from likewise.words.vocabulary import Vocabulary, count_words

RATE = 0.5
SEED = np.uint64(9)


def text(*, sentences=300, seed=0):
    """Two sets of words that never meet, so that vectors have something to learn."""
    random = np.random.default_rng(seed)
    kinds = [[f"{kind}{number}" for number in range(12)] for kind in ("bird", "fish")]
    return [random.choice(kinds[number % 2], size=random.integers(2, 12)).tolist() for number in range(sentences)]


def small(**options):
    return TrainingSettings(
        **{"dimension": 12, "min_count": 1, "subsampling": 0, "epochs": 2, "buckets": 500} | options
    )


def vocabulary(counts=(9, 5, 4, 2, 1)):
    words = [f"w{place}" for place in range(len(counts))]
    return Vocabulary(words=words, counts=np.array(counts), total=sum(counts), sentences=1)


def block(*sentences, documents=()):
    starts = np.cumsum([0, *map(len, sentences)])
    return Block(np.concatenate(sentences).astype(np.int32), starts, np.array(documents or [0] * len(sentences)))


def weights(rows, columns, *, width=8, seed=1):
    random = np.random.default_rng(seed)
    return (random.normal(size=(count, width)).astype(np.float32) for count in (rows, columns))


def slow_step(hidden, outputs, rows, labels):
    """Changes of a hidden vector and of output rows for one foretold word, and its loss: plain gradient descent."""
    likely = 1 / (1 + np.exp(-outputs[rows] @ hidden))
    steps = RATE * (np.array(labels) - likely)
    loss = -np.log(np.where(labels, likely, 1 - likely)).sum()
    return steps @ outputs[rows], np.outer(steps, hidden), loss


def tree_of(known, word):
    way = known.ways[known.paths[word] : known.paths[word + 1]]
    return way[:, 0], way[:, 1] == 1


def apply(outputs, rows, changes):
    np.add.at(outputs, rows, changes)


def test_a_step_of_skip_gram_is_that_of_plain_gradient_descent():
    """With a tree nothing is drawn but the window, which is one word to each side here."""
    known = tables(vocabulary(), subsampling=0, hierarchical=True)
    inputs, outputs = weights(5, 5)
    expected_inputs, expected_outputs = inputs.astype(float), outputs.astype(float)
    loss = terms = 0
    for word, others in ((1, [3]), (3, [1, 0]), (0, [3])):
        rows, labels = tree_of(known, word)
        found = [slow_step(expected_inputs[other], expected_outputs, rows, labels) for other in others]
        for other, (of_input, of_outputs, one) in zip(others, found, strict=True):
            expected_inputs[other] += of_input
            apply(expected_outputs, rows, of_outputs)
            loss, terms = loss + one, terms + len(rows)
    given = train_pairs(block([1, 3, 0]), inputs, outputs, known, Plan(1, 5, 0, 1), RATE, SEED)
    assert np.allclose(inputs, expected_inputs, atol=2e-3) and np.allclose(outputs, expected_outputs, atol=2e-3)
    assert given[1] == terms and given[0] == pytest.approx(loss, rel=2e-3)


MEANS = {  # kind: (sources, the words they foretell), in order, for the sentence 1 3 0 of document 6 (row 6)
    CBOW: (([3], [1]), ([1, 0], [3]), ([3], [0])),
    DM: (([3, 6], [1]), ([1, 0, 6], [3]), ([3, 6], [0])),
    DBOW: (([6], [1, 3, 0]),),
    NGRAMS: (([1, 5], [3]), ([3], [1, 0]), ([0, 5, 6], [3])),
}
SPANS = ([0, 5, 6, 1, 5, 2, 3, 4], [0, 3, 5, 6, 7, 8])  # input rows of the five words, and where they start


@pytest.mark.parametrize("kind", MEANS)
def test_a_step_of_means_is_that_of_plain_gradient_descent(kind):
    rows = tuple(map(np.array, SPANS)) if kind == NGRAMS else None
    known = tables(vocabulary(), subsampling=0, hierarchical=True, rows=rows)
    inputs, outputs = weights(7, 5, seed=2)
    expected_inputs, expected_outputs = inputs.astype(float), outputs.astype(float)
    loss = terms = 0
    for sources, targets in MEANS[kind]:
        for target in targets:
            nodes, labels = tree_of(known, target)
            hidden = expected_inputs[sources].mean(axis=0)
            of_hidden, of_outputs, one = slow_step(hidden, expected_outputs, nodes, labels)
            expected_inputs[sources] += of_hidden
            apply(expected_outputs, nodes, of_outputs)
            loss, terms = loss + one, terms + len(nodes)
    given = train_means(block([1, 3, 0], documents=[6]), inputs, outputs, known, Plan(1, 5, kind, 3), RATE, SEED)
    assert np.allclose(inputs, expected_inputs, atol=3e-3) and np.allclose(outputs, expected_outputs, atol=3e-3)
    assert given[1] == terms and given[0] == pytest.approx(loss, rel=2e-3)


def chances(state):
    """The states of xorshift64 (Marsaglia 2003), in whole numbers of Python."""
    while True:
        state ^= state << 13 & 2**64 - 1
        state ^= state >> 7
        state ^= state << 17 & 2**64 - 1
        yield state


def negative(known, state):
    place = (state >> 32) * len(known.noise) >> 32
    threshold, alias = known.noise[place].tolist()
    return alias if state & 2**32 - 1 > threshold else place


@pytest.mark.parametrize("kind", [NO_KIND, CBOW])
def test_a_step_with_negative_samples_is_that_of_plain_gradient_descent(kind):
    """What is drawn by chance is drawn again here: three words are kept, and each has a window and negatives."""
    known = tables(vocabulary(range(99, 0, -1)), subsampling=0, hierarchical=False)
    inputs, outputs = weights(99, 99)
    expected_inputs, expected_outputs = inputs.astype(float), outputs.astype(float)
    chance = chances(int(SEED))
    for _ in range(3):
        next(chance)
    loss = terms = 0
    for word, others in ((1, [3]), (3, [1, 0]), (0, [3])):
        next(chance)
        drawn = [negative(known, next(chance)) for _ in range(5)]
        rows = [word, *(one for one in drawn if one != word)]
        assert len(set(rows)) == len(rows)  # for what is drawn twice is moved before its second turn
        labels = np.arange(len(rows)) == 0
        together = [[other] for other in others] if kind == NO_KIND else [others]
        hidden = [expected_inputs[some].mean(axis=0) for some in together]
        found = [slow_step(one, expected_outputs, rows, labels) for one in hidden]
        for some, (of_hidden, of_outputs, one) in zip(together, found, strict=True):
            expected_inputs[some] += of_hidden
            apply(expected_outputs, rows, of_outputs)
            loss, terms = loss + one, terms + len(rows)
    kernel = train_pairs if kind == NO_KIND else train_means
    given = kernel(block([1, 3, 0]), inputs, outputs, known, Plan(1, 5, kind, 2), RATE, SEED)
    assert np.allclose(inputs, expected_inputs, atol=3e-3) and np.allclose(outputs, expected_outputs, atol=3e-3)
    assert given[1] == terms and given[0] == pytest.approx(loss, rel=2e-3)


def test_negatives_are_drawn_by_the_power_of_their_counts():
    """One word is foretold again and again: how often another is drawn beside it says how likely that is."""
    known = tables(vocabulary((400, 100, 30, 6, 1)), subsampling=0, hierarchical=False)
    inputs, outputs = np.zeros((1, 8), np.float32), np.zeros((5, 8), np.float32)
    _, terms = train_means(block([4] * 20_000), inputs, outputs, known, Plan(5, 5, DBOW, 1), RATE, SEED)
    weights = np.array([400, 100, 30, 6, 1]) ** 0.75
    assert terms == pytest.approx(20_000 * (1 + 5 * (1 - weights[4] / weights.sum())), rel=0.001)


def test_an_alias_table_holds_the_shares_and_a_tree_the_shortest_ways():
    weights = np.array([5.0, 1.0, 0.5, 3.0])
    threshold, alias = alias_table(weights)
    shares = threshold / 2**32 / 4
    np.add.at(shares, alias, (1 - threshold / 2**32) / 4)
    assert shares == pytest.approx(weights / weights.sum(), abs=1e-6)
    counts = np.array([8, 4, 2, 1, 1])
    steps, starts = huffman(counts)
    assert np.diff(starts).tolist() == [1, 2, 3, 4, 4]
    ways = {tuple(map(tuple, steps[a:b].tolist())) for a, b in pairwise(starts)}
    assert len(ways) == 5 and all(way[0][0] == 3 for way in ways)  # from the root, the last node made


def test_frequent_words_are_thinned_out_by_the_chance_of_the_vocabulary():
    known = tables(vocabulary((90_000, 10_000)), subsampling=0.01, hierarchical=False)
    inputs, outputs = (np.zeros((2, 8), np.float32) for _ in range(2))
    expected = 5000 * vocabulary((90_000, 10_000)).keeping(0.01).sum()
    _, terms = train_means(block([0, 1] * 5000), inputs, outputs, known, Plan(5, 0, DBOW, 1), RATE, SEED)
    assert expected < 3000
    assert terms == pytest.approx(expected, rel=0.05)


@pytest.mark.parametrize("model", ["skipgram", "cbow", "fasttext"])
@pytest.mark.parametrize("hierarchical", [False, True])
def test_words_that_stand_together_come_near_each_other(model, hierarchical):
    found = train(text(), model, settings=small(hierarchical=hierarchical, epochs=20, learning_rate=0.1))
    unit = found.vectors / np.linalg.norm(found.vectors, axis=1, keepdims=True)
    alike, birds = unit @ unit.T, np.array([word.startswith("bird") for word in found.words])
    same = birds[:, None] == birds
    assert alike[same].mean() > alike[~same].mean() + 0.3


@pytest.mark.parametrize("model", ["skipgram", "cbow", "fasttext", "doc2vec"])
def test_one_thread_gives_the_same_vectors_each_time_and_after_a_stop(model, tmp_path, monkeypatch):
    monkeypatch.setattr(_learning, "_BLOCK_WORDS", 100)
    monkeypatch.setattr(_learning, "_CHECKPOINT_S", -1.0)
    first = train(text(), model, settings=small())
    assert np.array_equal(train(text(), model, settings=small()).vectors, first.vectors)
    assert not np.array_equal(train(text(), model, settings=small(seed=1)).vectors, first.vectors)

    def stop(progress):
        if progress.words > 2500:  # in the second epoch
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(text(), model, settings=small(), checkpoints=tmp_path, progress=stop)
    assert len(list(tmp_path.iterdir())) == 1
    seen = []
    again = train(text(), model, settings=small(threads=1), checkpoints=tmp_path, progress=seen.append)
    assert min(progress.words for progress in seen if progress.total) > 2500
    assert np.array_equal(again.vectors, first.vectors)
    assert seen[-1].loss > 0 and seen[-1].words <= seen[-1].total


def test_several_threads_read_everything(monkeypatch):
    monkeypatch.setattr(_learning, "_BLOCK_WORDS", 50)
    seen = []
    found = train(text(), "skipgram", settings=small(threads=3, epochs=10, learning_rate=0.1), progress=seen.append)
    assert np.isfinite(found.vectors).all()
    assert seen[-1].loss < 0.6


def test_an_unfinished_training_is_refused_if_it_was_another(tmp_path, monkeypatch):
    monkeypatch.setattr(_learning, "_CHECKPOINT_S", -1.0)
    train(text(), "cbow", settings=small(), checkpoints=tmp_path)
    with pytest.raises(SettingError, match=r"differs in dimension 12 \(now 8\), corpus"):
        train(text(sentences=200), "cbow", settings=small(dimension=8), checkpoints=tmp_path)
    with pytest.raises(SettingError, match="differs in model cbow"):
        train(text(), "skipgram", settings=small(), checkpoints=tmp_path)
    (folder,) = tmp_path.iterdir()
    (folder / _checkpoints._TENSORS).write_bytes(b"cut")
    with pytest.raises(ArtifactError, match=r"not \d+ bytes long"):
        train(text(), "cbow", settings=small(), checkpoints=tmp_path)


@pytest.mark.parametrize(
    ("sentences", "message"),
    [
        ([], "no word is left of a corpus of 0"),
        ([[], []], "no word is left of a corpus of 0"),
        ([["owl"]], "1 different words occur 1 times or more, too few for 2 dimensions"),
        ([["owl"], ["vole"], ["owl"]], "no sentence has two known words"),
        (["the owl"], "a sentence is a str"),
        (iter([["the", "owl"]]), "can be read only once"),
    ],
)
def test_bad_text_is_one_clear_error(sentences, message):
    with pytest.raises(SettingError, match=message):
        train(sentences, "skipgram", settings=small(dimension=2))


def test_bad_settings_are_refused():
    for options, message in (
        ({"dimension": 0}, "dimension is 0, expected 1 or more"),
        ({"seed": -1}, "seed is -1"),
        ({"subsampling": -1}, "subsampling is -1"),
        ({"learning_rate": 1e-5}, "the learning rate falls"),
        ({"learning_rate": 0, "final_learning_rate": 0}, "learning_rate is 0, expected more than 0"),
        ({"learning_rate": float("nan")}, "learning_rate is nan"),
        ({"min_n": 4, "max_n": 3}, "n-grams of 4 to 3"),
        ({"documents": "pv"}, "documents is 'pv'"),
    ):
        with pytest.raises(SettingError, match=message):
            TrainingSettings(**options)
    with pytest.raises(UnknownNameError, match="Did you mean 'skipgram'"):
        train(text(), "skipgrams")
    with pytest.raises(SettingError, match="leave out 'hierarchical'"):
        train(text(), "doc2vec", settings=small(hierarchical=True))
    with pytest.raises(SettingError, match="diverged at a learning rate of 1e\\+30"):
        train(text(), "skipgram", settings=small(learning_rate=1e30))


@pytest.mark.parametrize(
    ("model", "rate"), [("skipgram", 0.025), ("cbow", 0.05), ("fasttext", 0.05), ("glove", 0.05), ("doc2vec", 0.025)]
)
def test_each_model_begins_with_the_rate_of_its_published_program(model, rate):
    found, same, other = (
        train(text(), model, settings=small(learning_rate=one)).vectors for one in (None, rate, 1.5 * rate)
    )
    assert np.array_equal(found, same)
    assert not np.array_equal(found, other)
    with pytest.raises(SettingError, match=f"falls from {rate} to 0.1"):
        train(text(), model, settings=small(final_learning_rate=0.1))


class Growing:
    """Sentences of which there is one more at each reading."""

    def __init__(self):
        self.sentences = text()

    def __iter__(self):
        self.sentences.append(["bird1", "bird2"])
        return iter(list(self.sentences))


def test_a_corpus_that_changes_is_noticed():
    with pytest.raises(SettingError, match="may not change while it is trained on"):
        train(Growing(), "skipgram", settings=small())


def test_a_word_never_seen_is_near_those_it_is_spelt_like():
    found = train(text(), "fasttext", settings=small(epochs=20, learning_rate=0.1))
    like = {word: found.vector("bird99") @ found.vector(word) for word in ("bird1", "fish1")}
    assert like["bird1"] > like["fish1"]
    assert found.subwords.arguments.tokens == sum(map(len, text()))


@pytest.mark.parametrize("form", ["dbow", "dm"])
def test_a_text_has_one_vector_and_it_is_near_documents_like_it(form, tmp_path):
    found = train(text(), "doc2vec", settings=small(documents=form, epochs=20, learning_rate=0.1))
    assert found.vectors.shape == (300, 12)
    news = [sentence * 3 for sentence in text(sentences=20, seed=5)]
    inferred = found.infer(news, epochs=20)
    documents.save(found, tmp_path / "kept", settings={"model": "doc2vec"})
    assert np.array_equal(documents.load(tmp_path / "kept").infer(news[::-1], epochs=20)[::-1], inferred)
    nearest = (inferred @ found.vectors.T).argmax(axis=1)
    assert ((nearest % 2) == np.arange(20) % 2).mean() > 0.75
    assert not found.infer([["never"], []]).any()
    with pytest.raises(SettingError, match="a document is a str"):
        found.infer(["the owl"])
    with pytest.raises(SettingError, match="is there already"):
        documents.save(found, tmp_path / "kept")
    (tmp_path / "kept" / "vectors.safetensors").write_bytes(b"cut")
    with pytest.raises(ArtifactError, match=r"not \d+ bytes long"):
        documents.load(tmp_path / "kept")


def test_a_vector_of_odd_width_is_padded_inside_alone():
    assert train(text(), "skipgram", settings=small(dimension=9)).vectors.shape == (24, 9)
    assert _kernels.DBOW != _kernels.DM
    assert len(count_words(text(), min_count=1)) == 24


def test_only_a_training_needs_numba():
    code = (
        "import sys; sys.modules['numba'] = None\n"
        "import likewise.cli.words\n"
        "from likewise.words.training import train\n"
        "train([['a', 'b']], 'cbow')"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (
        "MissingExtraError: training word vectors needs the 'words' extra: pip install 'likewise[words]'" in run.stderr
    )
