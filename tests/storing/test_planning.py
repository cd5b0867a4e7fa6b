"""A plan's sizes are those of real files, and what is measured grows as it should."""

import pytest

from likewise.errors import SettingError
from likewise.storing import planning
from likewise.storing.planning import plan

WAYS = ("float32", "float16", "int8", "binary")


@pytest.fixture(scope="module")
def small():
    return {row.way: row for row in plan(1_000, width=64, precisions=WAYS)}


def test_every_way_has_a_row_that_adds_up(small):
    assert list(small) == ["exact", *WAYS]
    for row in small.values():
        assert row.query_ms > 0
        assert row.measured_rows == 1_000
        assert row.disk_mb >= row.mapped_mb + 1_000 * 64 * 4 / 1e6
    assert small["exact"].memory_mb == 1_000 * 64 * 4 / 1e6


def test_codes_take_the_bits_that_they_should(small):
    bits = {way: 8e6 * row.memory_mb / 1_000 / 64 for way, row in small.items()}
    assert bits["binary"] == pytest.approx(1, rel=0.05)
    assert bits["int8"] < bits["float16"] < bits["float32"]
    assert bits["float32"] - bits["float16"] == pytest.approx(16, rel=0.05)  # the graph is as large in each


def test_what_is_in_proportion_grows_in_proportion(small, monkeypatch):
    monkeypatch.setattr(planning, "_ROWS", 1_000)
    exact, signs = plan(100_000, width=64, precisions=["binary"])
    assert exact.memory_mb == 100 * small["exact"].memory_mb
    assert signs.memory_mb == pytest.approx(100 * small["binary"].memory_mb, rel=0.05)
    assert signs.measured_rows == 1_000


def test_longer_texts_take_more_of_the_disk_and_nothing_else(small):
    exact = next(plan(1_000, width=64, characters=2_000))
    assert exact.disk_mb > small["exact"].disk_mb + 1_000 * 1_500 / 1e6
    assert exact.memory_mb == small["exact"].memory_mb


@pytest.mark.parametrize("wrong", [{"chunks": 0}, {"width": 0}, {"characters": 0}])
def test_nothing_can_not_be_planned_for(wrong):
    with pytest.raises(SettingError, match="at least one chunk"):
        next(plan(**{"chunks": 5, "width": 8, **wrong}))
