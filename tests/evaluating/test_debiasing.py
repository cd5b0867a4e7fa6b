"""What a projection takes out is gone, the rest stays, and a saved model gives exactly the projected vectors."""

import json

import numpy as np
import pytest
import tiny_model
from tiny_model import write_model

import likewise
from likewise.errors import DataError, ModelError, SettingError, ShapeError, StorageError
from likewise.evaluating.bias import WordTest, pair_differences, ripa, weat
from likewise.evaluating.debiasing import Projection, hard_debias, inlp, leace, save_debiased
from likewise.evaluating.drift import classifier_test

TEXTS = ["abc de", "f g h a b", "a", "hgf edc ba hgf", "b b c", "e f"]
METHODS = {"inlp": inlp, "leace": leace}


def told(random, count, *, classes=2, width=24, strength=1.5):
    """Vectors of unequal spread that tell a label along a few directions, among much else; and the labels."""
    labels = np.arange(count) % classes
    spread = np.random.default_rng(1).uniform(0.3, 2, width)
    directions = np.random.default_rng(2).normal(size=(classes, width)) * strength / np.sqrt(width) * 2
    vectors = random.normal(size=(count, width)) * spread + directions[labels] + 0.5
    return vectors.astype(np.float32), labels


def probe(vectors, labels):
    """How well a linear probe tells two labels: accuracy on vectors held out, and how often chance does as well."""
    return classifier_test(vectors[labels == 0], vectors[labels == 1], permutations=99)


def kept(before, after, labels):
    """How the distances of vectors of one label stay: the correlation of those before and after."""
    found = []
    for vectors in (before[labels == 0], after[labels == 0]):
        distances = np.linalg.norm(vectors[:, None] - vectors[None], axis=2)
        found.append(distances[np.triu_indices(len(vectors), 1)])
    return np.corrcoef(*found)[0, 1]


@pytest.mark.parametrize("method", METHODS)
def test_a_probe_tells_the_label_before_and_not_after(method):
    """Fitted to one half of the vectors, tried on the other."""
    vectors, labels = told(np.random.default_rng(0), 1200)
    projection = METHODS[method](vectors[:800], labels[:800])
    rest, marks = vectors[800:], labels[800:]
    assert probe(rest, marks).value > 0.8
    after = probe(projection.apply(rest), marks)
    assert after.value < 0.58
    assert after.p_value > 0.01
    assert kept(rest, projection.apply(rest), marks) > 0.95


def test_leace_makes_the_means_of_all_classes_one():
    vectors, labels = told(np.random.default_rng(3), 300, classes=4)
    found = leace(vectors, [("north", "east", "south", "west")[one] for one in labels]).apply(vectors)
    means = [found[labels == one].mean(axis=0) for one in range(4)]
    np.testing.assert_allclose(means, [vectors.mean(axis=0)] * 4, atol=1e-5)


def test_leace_is_the_formula_where_vectors_are_many():
    vectors, labels = told(np.random.default_rng(4), 20_000, width=6)
    centred = vectors - vectors.mean(axis=0, dtype=np.float64)
    covariance = centred.T @ centred / len(centred)
    shared = centred.T @ (labels - labels.mean())[:, None] / len(centred)
    # With one label, W+ P W is the outer product of its covariance with the vectors and the whitened one.
    whitened = np.linalg.solve(covariance, shared)
    expected = np.eye(6) - shared @ whitened.T / (shared.T @ whitened).item()
    found = leace(vectors, labels)
    np.testing.assert_allclose(found.matrix, expected, atol=2e-3)
    np.testing.assert_allclose(found.matrix @ found.matrix, found.matrix, atol=1e-5)


def test_leace_changes_vectors_least():
    vectors, labels = told(np.random.default_rng(5), 2000)
    means = [vectors[labels == one].mean(axis=0) for one in (0, 1)]
    along = hard_debias(means[1] - means[0])  # takes the same means out, at a right angle
    changes = [((one.apply(vectors) - vectors) ** 2).sum(axis=1).mean() for one in (leace(vectors, labels), along)]
    middle = ((along.apply(vectors - vectors.mean(axis=0)) - (vectors - vectors.mean(axis=0))) ** 2).sum(axis=1).mean()
    assert changes[0] < middle <= changes[1]


def test_few_vectors_of_many_dimensions_will_do():
    vectors, labels = told(np.random.default_rng(6), 30, width=100)
    found = leace(vectors, labels).apply(vectors)
    np.testing.assert_allclose(found[labels == 0].mean(axis=0), found[labels == 1].mean(axis=0), atol=1e-5)
    assert kept(vectors, found, labels) > 0.95


def test_inlp_stops_when_nothing_is_told():
    random = np.random.default_rng(7)
    vectors = random.normal(size=(400, 10)).astype(np.float32)
    nothing = inlp(vectors, random.integers(0, 2, 400))
    assert np.trace(nothing.matrix) >= 9  # of 10 dimensions
    told_by_one = vectors.copy()
    labels = np.arange(400) % 2
    told_by_one[:, 3] += 6 * labels
    found = inlp(told_by_one, labels)
    assert 6 <= np.trace(found.matrix) <= 9.01
    assert abs(found.matrix[3, 3]) < 0.05
    np.testing.assert_allclose(found.matrix @ found.matrix, found.matrix, atol=1e-5)
    assert inlp(told_by_one, labels, rounds=1).matrix.trace() == pytest.approx(9, abs=1e-4)


def test_where_the_label_is_all_there_is_nothing_is_left():
    vectors, labels = np.array([[1.0], [1.5], [-1.0], [-1.5]] * 10, np.float32), [0, 0, 1, 1] * 10
    assert inlp(vectors, labels).matrix.tolist() == [[0]]
    np.testing.assert_allclose(leace(vectors, labels).apply(vectors), 0, atol=1e-6)
    same = np.ones((6, 3), np.float32)
    np.testing.assert_allclose(leace(same, [0, 1] * 3).apply(same), same)


def test_inlp_tells_apart_many_classes_of_unequal_size():
    random = np.random.default_rng(8)
    labels = np.array([0] * 300 + [1] * 60 + [2] * 2)
    vectors = random.normal(size=(362, 8)).astype(np.float32)
    vectors[:, :3] += 5 * np.eye(3, dtype=np.float32)[labels]
    found = inlp(vectors, labels).apply(vectors)
    assert probe(vectors[:360], labels[:360]).value > 0.95
    assert probe(found[:360], labels[:360]).value < 0.65


def test_hard_debiasing_takes_out_what_pairs_differ_by():
    random = np.random.default_rng(9)
    ends = np.linalg.qr(random.normal(size=(12, 2)))[0].T  # two directions at a right angle
    differences = random.normal(size=(40, 1)) * 3 * ends[:1] + random.normal(size=(40, 1)) * ends[1:]
    one, both = hard_debias(differences), hard_debias(differences, dimensions=2)
    np.testing.assert_allclose(both.apply(ends.astype(np.float32)), 0, atol=1e-6)
    assert np.linalg.norm(one.apply(ends[:1].astype(np.float32))) < 0.3
    assert np.linalg.norm(one.apply(ends[1:].astype(np.float32))) > 0.9
    assert np.trace(both.matrix) == pytest.approx(10, abs=1e-5)
    assert not both.bias.any()


def test_an_association_goes_with_the_direction_of_its_attributes():
    random = np.random.default_rng(10)
    lean = np.eye(16)[0]
    words = {name: sign for sign in (1, -1) for name in (f"target {sign} {i}" for i in range(6))}
    source = {name: random.normal(size=16) + sign * lean for name, sign in words.items()}
    source |= {f"end {sign} {i}": random.normal(size=16) + 4 * sign * lean for sign in (1, -1) for i in range(6)}
    targets = tuple(tuple(f"target {sign} {i}" for i in range(6)) for sign in (1, -1))
    ends = tuple(tuple(f"end {sign} {i}" for i in range(6)) for sign in (1, -1))
    test = WordTest(name="lean", targets=targets, attributes=ends)
    pairs = list(zip(*ends, strict=True))
    projection = hard_debias(pair_differences(pairs, source)[0])
    after = {word: projection.apply(vector[None].astype(np.float32))[0] for word, vector in source.items()}
    for found in (weat(test, source), ripa(targets, pairs, source)):
        assert found.effect > 1
        assert found.p_value < 0.01
    assert weat(test, after).p_value > 0.1


@pytest.mark.parametrize("normalise", [True, False])
@pytest.mark.parametrize("method", ["hard", "inlp", "leace"])
def test_a_saved_model_gives_the_projected_vectors(tmp_path, networks, normalise, method):
    original = likewise.load(write_model(tmp_path / "tiny", normalise=normalise), precision="float32", cache=networks)
    random = np.random.default_rng(11)
    many = [" ".join(random.choice(list("abcdefgh"), 4)) for _ in range(60)]
    vectors, labels = original.encode(many, role="document"), [text.count("a") > 0 for text in many]
    fitted = hard_debias(vectors[:5] - vectors[5:10]) if method == "hard" else METHODS[method](vectors, labels)
    save_debiased(tmp_path / "tiny", fitted, tmp_path / "fair")
    fair = likewise.load(tmp_path / "fair", precision="float32", cache=networks)
    for role in ("query", "document"):
        expected = fitted.apply(original.encode(TEXTS, role=role))
        if normalise:
            expected /= np.linalg.norm(expected, axis=1, keepdims=True)
        np.testing.assert_allclose(fair.encode(TEXTS, role=role), expected, atol=1e-5)
    differing = {line.partition(":")[0] for line in original.contract.differences(fair.contract)}
    assert differing == {"weights", "pooling"}
    assert fair.contract.normalise == normalise


def test_a_saved_model_says_what_was_changed(tmp_path):
    write_model(tmp_path / "tiny")
    (tmp_path / "tiny" / "README.md").write_text("# Tiny\n")
    (tmp_path / "tiny" / "LICENSE").write_text("Do as you like.\n")
    width = tiny_model.CONFIG["hidden_size"]
    save_debiased(tmp_path / "tiny", Projection(np.eye(width, dtype="f4"), np.zeros(width, "f4")), tmp_path / "fair")
    modules = json.loads((tmp_path / "fair" / "modules.json").read_text())
    kinds = [module["type"].rsplit(".", 1)[1] for module in modules]
    assert kinds == ["Transformer", "Pooling", "Normalize", "Dense", "Normalize"]
    assert [module["idx"] for module in modules] == [0, 1, 2, 3, 4]
    note = (tmp_path / "fair" / "README.md").read_text()
    assert note.startswith("# Tiny\n\n## Changed\n\nlikewise ")
    assert "and the Normalize module after it" in note
    assert (tmp_path / "fair" / "LICENSE").exists()


@pytest.mark.slow  # a new model is calibrated for int8
@pytest.mark.parametrize("precision", ["int8", "int4"])
def test_few_bits_do_not_bring_the_bias_back(tmp_path, networks, precision):
    """Where the map itself is rounded, as any other: of 384 dimensions, so that what it changes is small everywhere."""
    original = likewise.load("all-MiniLM-L6-v2", precision=precision, cache=networks)
    pairs = [("man", "woman"), ("his", "her"), ("father", "mother"), ("boy", "girl")]
    differences = pair_differences(pairs, original)[0]
    save_debiased("all-MiniLM-L6-v2", hard_debias(differences), tmp_path / "fair")
    fair = likewise.load(tmp_path / "fair", precision=precision, cache=networks)
    direction = np.linalg.svd(differences, full_matrices=False)[2][0]
    texts = ["the nurse", "she is a doctor", "he is a man", "girls at school"]
    before, after = (one.encode(texts, role="document") for one in (original, fair))
    assert np.abs(before @ direction).max() > 0.2
    assert np.abs(after @ direction).max() < 0.01


@pytest.mark.oracle
@pytest.mark.parametrize("normalise", [True, False])
def test_sentence_transformers_opens_what_was_saved(tmp_path, networks, normalise):
    sentence_transformers = pytest.importorskip("sentence_transformers")
    write_model(tmp_path / "tiny", normalise=normalise)
    modules = json.loads((tmp_path / "tiny" / "modules.json").read_text())
    (tmp_path / "tiny" / "modules.json").write_text(json.dumps([{**one, "name": str(one["idx"])} for one in modules]))
    width, random = tiny_model.CONFIG["hidden_size"], np.random.default_rng(12)
    matrix, bias = random.normal(size=(width, width)).astype("f4"), random.normal(size=width).astype("f4")
    save_debiased(tmp_path / "tiny", Projection(matrix, bias), tmp_path / "fair")
    ours = likewise.load(tmp_path / "fair", precision="float32", cache=networks).encode(TEXTS, role="document")
    theirs = sentence_transformers.SentenceTransformer(str(tmp_path / "fair"), device="cpu").encode(TEXTS)
    np.testing.assert_allclose(ours, theirs, atol=1e-4)


def test_nothing_is_left_where_the_disk_refuses(tmp_path, monkeypatch):
    write_model(tmp_path / "tiny")
    width = tiny_model.CONFIG["hidden_size"]

    def refuse(*_args, **_options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("likewise.evaluating.debiasing.write_tensors", refuse)
    with pytest.raises(StorageError, match="No space left"):
        save_debiased(
            tmp_path / "tiny", Projection(np.eye(width, dtype="f4"), np.zeros(width, "f4")), tmp_path / "fair"
        )
    assert [path.name for path in tmp_path.iterdir()] == ["tiny"]


def test_a_projection_of_another_width_and_a_folder_that_is_there_are_refused(tmp_path):
    write_model(tmp_path / "tiny")
    narrow = Projection(np.eye(5, dtype="f4"), np.zeros(5, "f4"))
    with pytest.raises(ModelError, match="dense output of 24 dimensions; the projection is of dense vectors of 5"):
        save_debiased(tmp_path / "tiny", narrow, tmp_path / "fair")
    with pytest.raises(ModelError, match="exists; name a folder that does not"):
        save_debiased(tmp_path / "tiny", narrow, tmp_path / "tiny")
    assert not (tmp_path / "fair").exists()


VECTORS = np.random.default_rng(13).normal(size=(20, 4)).astype(np.float32)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: Projection(np.eye(3, dtype="f4"), np.zeros(4, "f4")), ShapeError, r"a matrix \(3, 3\) and a bias"),
        (lambda: Projection(np.eye(3), np.zeros(3, "f4")), ShapeError, "expected float32"),
        (lambda: leace(VECTORS, [0] * 20), DataError, r"the classes have \[20\] vectors"),
        (lambda: inlp(VECTORS, [0] * 19 + [1]), DataError, r"the classes have \[19, 1\] vectors"),
        (lambda: leace(VECTORS, [0, 1]), ShapeError, "got 20 vectors and 2 labels"),
        (lambda: leace(VECTORS.astype("f8"), [0, 1] * 10), ShapeError, "expected .* float32"),
        (lambda: inlp(VECTORS, [0, 1] * 10, rounds=0), SettingError, "rounds is 0"),
        (lambda: hard_debias(np.ones((3, 4)), dimensions=2), DataError, "differ along 1 directions; 2 can't"),
        (lambda: hard_debias(np.zeros((3, 4))), DataError, "differ along 0 directions"),
        (lambda: hard_debias(np.full((3, 4), np.nan)), DataError, "NaN or infinite"),
        (lambda: hard_debias(VECTORS, dimensions=0), SettingError, "dimensions is 0"),
        (lambda: leace(VECTORS, [0, 1] * 10).apply(VECTORS[:, :3].copy()), ShapeError, "got 3 dimensions"),
    ],
)
def test_bad_input_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
