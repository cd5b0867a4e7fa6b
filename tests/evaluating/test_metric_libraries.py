"""The golden files are what the other libraries give still."""

import metric_cases as cases
import pytest

NAMES = ("ranking", "agreement", "thresholds", "labels", "multilabel", "clusters", "bitext", "probes")


@pytest.mark.oracle
@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("name", NAMES)
def test_other_libraries_still_give_this(name, monkeypatch):
    for package in ("mteb", "pytrec_eval", "scipy", "sklearn"):
        pytest.importorskip(package)
    monkeypatch.syspath_prepend(cases.GOLDEN)
    import make_metrics

    assert {part.__name__ for part in make_metrics.PARTS} == set(NAMES)
    assert close(getattr(make_metrics, name)(), cases.golden(name))


def close(found, expected):
    """The same lists and dicts, their numbers to 1e-9."""
    if isinstance(expected, list):
        return len(found) == len(expected) and all(map(close, found, expected))
    if isinstance(expected, dict):
        return found.keys() == expected.keys() and all(close(found[key], expected[key]) for key in expected)
    return found == (pytest.approx(expected, abs=1e-9, rel=0) if isinstance(expected, float) else expected)
