"""Drift is found where it is, and hardly ever where it is not; canaries tell a swapped or recompiled model."""

import numpy as np
import pytest
from tiny_model import write_model

import likewise
from likewise.encoding.contract import CANARIES
from likewise.errors import DataError, SettingError, ShapeError, UnknownNameError
from likewise.evaluating import drift as drifting
from likewise.evaluating.drift import classifier_test, compare_canaries, discrepancy_test, drift


def topics(random, count, *, width=8, shift=0.0, spread=1.0):
    """Vectors in three clumps, as those of texts on some subjects are."""
    centres = np.random.default_rng(1).normal(scale=2, size=(3, width))
    found = centres[random.integers(0, 3, count)] + random.normal(scale=spread, size=(count, width)) + shift
    return found.astype(np.float32)


def test_resampled_data_raises_an_alarm_in_at_most_5_of_100():
    pool = topics(np.random.default_rng(0), 400)
    alarms = 0
    for seed in range(100):
        order = np.random.default_rng(seed).permutation(len(pool))
        alarms += drift(pool[order[:60]], pool[order[60:120]], permutations=99, seed=1000 + seed).drifted
    assert alarms <= 5


def test_p_values_are_uniform_where_there_is_nothing_to_find():
    found = []
    for seed in range(200):
        random = np.random.default_rng(seed)
        found.append(
            discrepancy_test(topics(random, 25), topics(random, 30), permutations=59, seed=1000 + seed).p_value
        )
    share = np.arange(1, len(found) + 1) / len(found)
    assert (
        np.abs(np.sort(found) - share).max() < 1.36 / np.sqrt(len(found)) + 1 / 60
    )  # Kolmogorov and Smirnov's, at .05


def test_samples_of_unequal_size_are_not_told_apart_by_their_size():
    random = np.random.default_rng(3)
    alike = drift(topics(random, 300), topics(random, 30), permutations=99)
    assert not alike.drifted
    assert alike.classifier.value == pytest.approx(0.5, abs=0.15)
    assert drift(topics(random, 300), topics(random, 30, shift=1.0), permutations=99).drifted


def test_a_new_mean_is_found_by_both_tests():
    random = np.random.default_rng(4)
    found = drift(topics(random, 150), topics(random, 150, shift=0.7))
    assert found.drifted
    assert found.classifier.value > 0.6
    assert found.classifier.p_value == found.discrepancy.p_value == 1 / 500
    assert found.p_value == 2 / 500


def test_a_new_spread_is_found_though_no_line_parts_the_samples():
    random = np.random.default_rng(5)
    found = drift(topics(random, 150), topics(random, 150, spread=1.6))
    assert found.classifier.p_value > 0.05
    assert found.discrepancy.p_value == 1 / 500
    assert found.drifted


def test_a_new_topic_among_the_queries_is_found():
    random = np.random.default_rng(6)
    after = topics(random, 300)
    after[:30] += np.float32(6)
    assert drift(topics(random, 300), after).drifted


def test_a_swapped_model_is_found(tmp_path, networks):
    random = np.random.default_rng(7)
    texts = [" ".join(random.choice(list("abcdefgh"), 5)) for _ in range(120)]
    folders = write_model(tmp_path / "one"), write_model(tmp_path / "other", pooling="cls")
    one, other = (likewise.load(folder, precision="float32", cache=networks) for folder in folders)
    before = one.encode(texts[:60], role="document")
    assert not drift(before, one.encode(texts[60:], role="document"), permutations=99).drifted
    assert drift(before, other.encode(texts[60:], role="document"), permutations=99).drifted


def test_the_discrepancy_is_its_definition():
    random = np.random.default_rng(8)
    before, after = topics(random, 21), topics(random, 34, shift=0.4)
    pooled = np.concatenate([before, after]).astype(np.float64)
    distances = np.linalg.norm(pooled[:, None] - pooled[None], axis=2)
    width = np.median(distances[np.triu_indices(len(pooled), 1)])

    def mean_kernel(left, right):
        pairs = [(i, j) for i in left for j in right if i != j]
        return np.mean([np.exp(-(distances[i, j] ** 2) / (2 * width**2)) for i, j in pairs])

    first, second = range(21), range(21, 55)
    slow = mean_kernel(first, first) + mean_kernel(second, second) - 2 * mean_kernel(first, second)
    assert discrepancy_test(before, after, permutations=1).value == pytest.approx(slow, abs=1e-6)


def test_the_accuracy_is_that_of_a_discriminant_fitted_without_the_fold():
    random = np.random.default_rng(9)
    before, after = topics(random, 33), topics(random, 47, shift=0.5)
    pooled = np.concatenate([before, after]).astype(np.float64)
    second = np.arange(80) >= 33
    right = np.zeros(80, bool)
    for fold in np.array_split(np.random.default_rng([2, 1]).permutation(80), 5):
        kept = np.setdiff1d(np.arange(80), fold)
        means = [pooled[kept][second[kept] == side].mean(axis=0) for side in (False, True)]
        centred = pooled[kept] - pooled.mean(axis=0)
        covariance = centred.T @ centred / len(kept)
        covariance += np.eye(8) * np.trace(covariance) / 8
        scores = (pooled[fold] - (means[0] + means[1]) / 2) @ np.linalg.inv(covariance) @ (means[1] - means[0])
        right[fold] = (scores > 0) == second[fold]
    slow = (right[second].mean() + right[~second].mean()) / 2
    assert classifier_test(before, after, permutations=1, seed=2).value == pytest.approx(slow)


def test_kernel_blocks_change_nothing(monkeypatch):
    random = np.random.default_rng(10)
    before, after = topics(random, 50), topics(random, 70)
    whole = discrepancy_test(before, after, permutations=20)
    monkeypatch.setattr(drifting, "_BLOCK", 1000)
    assert discrepancy_test(before, after, permutations=20).value == pytest.approx(whole.value, abs=1e-7)


def test_more_dimensions_than_vectors_are_no_obstacle():
    random = np.random.default_rng(11)
    before, after = topics(random, 20, width=100), topics(random, 20, width=100, shift=1.0)
    assert drift(before, after, permutations=99).drifted


def test_vectors_that_are_all_the_same_do_not_differ():
    one = np.ones((20, 4), np.float32)
    found = drift(one, one, permutations=99)
    assert (found.p_value, found.discrepancy.value) == (1.0, 0.0)
    assert drift(one, one * 2, permutations=99).drifted


def test_a_seed_decides_everything():
    random = np.random.default_rng(12)
    before, after = topics(random, 60), topics(random, 60)
    assert drift(before, after, permutations=99, seed=1) == drift(before, after, permutations=99, seed=1)
    assert drift(before, after, permutations=99, seed=1) != drift(before, after, permutations=99, seed=2)


def test_canaries_tell_the_same_from_a_recompiled_and_from_another_model(encoder, exact_encoder, tmp_path, networks):
    exact, quantised = (one.encode(CANARIES, role="query") for one in (exact_encoder, encoder))
    again = compare_canaries(exact, exact_encoder.encode(CANARIES, role="query"), precision="float32")
    assert (again.verdict, again.greatest_difference) == ("same", 0)
    assert compare_canaries(exact, exact + np.float32(1e-7), precision="float32").verdict == "recompiled"
    assert compare_canaries(exact, quantised, precision="int8").verdict == "recompiled"
    assert compare_canaries(exact, quantised, precision="float32").verdict == "different"
    assert compare_canaries(exact, np.roll(exact, 1, axis=1), precision="int8").verdict == "different"
    other = likewise.load(write_model(tmp_path / "tiny"), precision="float32", cache=networks)
    narrower = compare_canaries(exact, other.encode(CANARIES, role="query", overflow="chunk"), precision="float32")
    assert (narrower.verdict, narrower.least_cosine) == ("different", 0)


def test_canaries_need_no_unit_length():
    vectors = np.random.default_rng(13).normal(size=(3, 16)).astype(np.float32) * 50
    found = compare_canaries(vectors, vectors * np.float32(1 + 1e-6), precision="float32")
    assert found.verdict == "recompiled"
    assert found.least_cosine == pytest.approx(1)


VECTORS = np.zeros((30, 4), np.float32)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: drift(VECTORS[:19], VECTORS), DataError, "the sample before has 19 vectors"),
        (lambda: drift(VECTORS, VECTORS[:, :3].copy()), ShapeError, "got 3 dimensions"),
        (lambda: drift(VECTORS.astype(np.float64), VECTORS), ShapeError, "vectors before"),
        (lambda: drift(VECTORS, VECTORS, permutations=50), SettingError, "the least p-value .* is 0.0392"),
        (lambda: drift(VECTORS, VECTORS, permutations=0), SettingError, "permutations is 0"),
        (lambda: compare_canaries(VECTORS, VECTORS[:2], precision="int8"), ShapeError, "30 canaries then and 2 now"),
        (lambda: compare_canaries(VECTORS, VECTORS, precision="in8"), UnknownNameError, "Did you mean 'int8'"),
    ],
)
def test_bad_input_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
