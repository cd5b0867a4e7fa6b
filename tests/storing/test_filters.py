"""One meaning of a filter, in Python, in SQL and in the engine."""

import time

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from plain_store import make_chunk, make_document

from likewise.errors import SettingError
from likewise.storing import Changes, open_store, parse_filter
from likewise.storing.filter_to_sql import to_sql
from likewise.storing.filters import And, Compare, Has, In, Not, Or, fields_of, matches

NESTED = {"a": {"b": 1, "b c": "x"}, "tags": ["en", 2, True, None, {"k": 1}], "empty": [], "none": None, "s": "straße"}
MEANINGS = [  # metadata, filter, whether it passes
    ({"lang": "en", "year": 2020, "tag": "a"}, 'lang = "en" and year >= 2020 and not (tag in ("a","b"))', False),
    ({"lang": "en", "year": 2020}, 'lang = "en" and year >= 2020 and not (tag in ("a","b"))', True),
    ({"year": 2020}, 'lang != "en"', False),  # a missing field compares false, != too
    ({"year": 2020}, 'not lang = "en"', True),
    ({"year": "2020"}, "year = 2020", False),
    ({"year": "2020"}, "year != 2020", True),
    ({"year": "2020"}, "year > 1", False),
    ({"year": 2020.0}, "year = 2020", True),
    ({"year": True}, "year = 1", False),
    ({"year": 1}, "year = true", False),
    ({"draft": True}, "draft = true", True),
    ({"draft": True}, "draft >= false", False),
    (NESTED, "a.b = 1", True),
    (NESTED, "a.\"b c\" = 'x'", True),
    (NESTED, 'a = "x"', False),
    (NESTED, 'a != "x"', True),
    (NESTED, "a exists and empty exists", True),
    (NESTED, "none exists", False),
    (NESTED, 'tags contains "en" and tags contains 2 and tags contains true', True),
    (NESTED, "tags contains 1", False),
    (NESTED, 'tags = "en"', False),
    (NESTED, 'tags in ("en")', False),
    (NESTED, 's contains "raß"', True),
    (NESTED, 's contains ""', True),
    (NESTED, "s contains 1", False),
    ({"v": "b"}, 'v > "a" and v < "c" and v >= "b" and v <= "b"', True),
    ({"v": 'say "hi"\\'}, r'v = "say \"hi\"\\"', True),
    ({"v": -1.5e3}, "v = -1500", True),
    ({"v": 1, "w": 2}, "v = 2 or v = 1 and w = 2", True),
    ({"v": 1, "w": 2}, "(v = 2 or v = 1) and w = 3", False),
    ({"in": 1}, '"in" = 1', True),
    ({"größe": 1, "x-y": 2}, "größe = 1 AND x-y = 2", True),
]


@pytest.mark.parametrize(("metadata", "text", "expected"), MEANINGS)
def test_meaning(metadata, text, expected):
    assert matches(parse_filter(text), metadata) is expected


MISTAKES = [
    ("", "at the end"),
    ("year", "at the end"),
    ("year = ", "expected a value"),
    ("year = abc", "expected a value"),
    ("year == 1", "single ="),
    ("year = 1 and", "at the end"),
    ("year = 1 year = 2", "expected 'and'"),
    ("(year = 1", r"expected '\)'"),
    ("year in ()", "expected a value"),
    ('lang = "en', "quote that is never closed"),
    ("lang = 'en' ; drop", "can't be read"),
    ("and = 1", "name of a metadata field"),
    ("year = 1e999", "too large"),
    ("year = 12abc", "can't be read"),
    ("not " * 60 + "a = 1", "levels"),
    ("(" * 10_000 + "a = 1", "levels"),
]


@pytest.mark.parametrize(("text", "message"), MISTAKES)
def test_a_mistake_is_pointed_at(text, message):
    with pytest.raises(SettingError, match=message) as caught:
        parse_filter(text)
    assert len(str(caught.value)) < 250


def test_the_excerpt_marks_the_place():
    with pytest.raises(SettingError, match=r"at character 11 \(here: year >= 1 »! = 2\)"):
        parse_filter("year >= 1 ! = 2")


@pytest.mark.parametrize("text", ["a = 1 and " * 20_000, "'" * 200_001, " " * 200_000, "a.b" * 50_000, "9" * 200_000])
def test_reading_takes_linear_time(text):
    start = time.process_time()
    with pytest.raises(SettingError):
        parse_filter(text)
    assert time.process_time() - start < 2


def test_many_conditions_are_possible_and_too_many_are_refused(tmp_path):
    wide = parse_filter(" or ".join(f"year = {number}" for number in range(1_500)))
    listed = In("year", tuple(range(1_500)))
    with open_store(tmp_path / "index", mode="write") as store:
        store.commit(Changes(documents=[make_document("a", "text", metadata={"year": 1499})]))
        for where in (wide, listed):
            assert store.search_dense(make_chunk("x").vector, k=5, where=where).ids.tolist() == [1]
    with pytest.raises(SettingError, match="Split it"):
        to_sql(In("year", tuple(range(40_000))))


# ------------------------------------------------------------------ the same in every target

NAMES = ["f", "g", "h.i", "nowhere"]
# The engine compares numbers as float64, so integers stay where those are exact; NUL is in, on purpose.
scalars = (
    st.sampled_from(["", "a", "ab", "b", "é", "a\0b", "1", "true"])
    | st.integers(-3, 3)
    | st.sampled_from([0.5, 1.0, -2.5, 2**53])
    | st.booleans()
)
values = scalars | st.none() | st.lists(scalars | st.none(), max_size=3) | st.just({})
metadatas = st.dictionaries(st.sampled_from(["f", "g"]), values, max_size=2).flatmap(
    lambda known: st.just(known) | values.map(lambda inner: {**known, "h": {"i": inner}})
)
names = st.sampled_from(NAMES)
conditions = (
    st.builds(Compare, names, st.sampled_from(["=", "!=", "<", "<=", ">", ">=", "contains"]), scalars)
    | st.builds(In, names, st.lists(scalars, max_size=3).map(tuple))
    | st.builds(Has, names)
)
filters = st.recursive(
    conditions,
    lambda part: (
        st.builds(Not, part)
        | st.builds(And, st.lists(part, max_size=3).map(tuple))
        | st.builds(Or, st.lists(part, max_size=3).map(tuple))
    ),
    max_leaves=6,
)
in_folder = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@given(st.lists(metadatas, min_size=1, max_size=8), st.lists(filters, min_size=1, max_size=8))
@in_folder
def test_sql_agrees(known, asked):
    import sqlite3

    from likewise.storing.committing import apply
    from likewise.storing.schema import SCHEMA

    connection = sqlite3.connect(":memory:")
    connection.executescript(SCHEMA)
    documents = [make_document(str(number), metadata=metadata) for number, metadata in enumerate(known, start=1)]
    apply(connection, Changes(documents=documents))
    for where in asked:
        condition, parameters = to_sql(where)
        found = connection.execute(f"SELECT number FROM documents WHERE {condition} ORDER BY number", parameters)
        assert [number for (number,) in found] == expected_numbers(where, known)
    connection.close()


def expected_numbers(where, known):
    return [number for number, metadata in enumerate(known, start=1) if matches(where, metadata)]


@given(filters)
@settings(max_examples=100, deadline=None)
def test_fields_of_names_every_field(where):
    assert fields_of(where) <= set(NAMES)
    assert all(name in repr(where) for name in fields_of(where))


WRONG_KINDS = [
    ("year > 3", "'year' is nowhere a number, but text"),
    ("draft = 1", "'draft' is nowhere a number, but a boolean"),
    ('not draft != "yes"', "'draft' is nowhere text, but a boolean"),
    ("tag in (1, 2)", "'tag' is nowhere a number, but text or a list"),
]


@pytest.mark.parametrize(("text", "message"), WRONG_KINDS)
def test_a_value_of_a_kind_that_the_field_never_has_is_refused(tmp_path, text, message):
    metadata = {"year": "2020", "draft": True, "tag": ["en"], "n": 1}
    with open_store(tmp_path / "index", mode="write") as store:
        store.commit(Changes(documents=[make_document("d", "word", metadata=metadata)]))
        query = np.ones(8, np.float32)
        assert len(store.search_dense(query, k=1, where=parse_filter('tag contains "en" and n >= 1')).ids) == 1
        with pytest.raises(SettingError, match=message):
            store.search_dense(query, k=1, where=parse_filter(text))
