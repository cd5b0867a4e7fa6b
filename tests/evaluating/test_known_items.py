"""Made queries are in their documents' words, and yet not in the passages that are to be found."""

from pathlib import Path

import pytest

import likewise as lw
from likewise.chunking import embedded_text
from likewise.errors import SettingError
from likewise.evaluating.known_items import cut_passages, distinct, make_known_items, pieces

HANDBOOK = Path(__file__).parents[2] / "examples" / "handbook"
FILLER = "Every morning the keeper walks along the fence and writes down what he finds there, be it feathers or bones. "


def document(name, text, format="markdown"):
    return lw.Document(id=name, text=text, format=format)


def made(*documents, **options):
    passages = distinct(cut_passages(documents))
    return make_known_items(passages, **options), [embedded_text(one.chunk) for one in passages]


def on_one_line(text):
    return " ".join(text.split())


@pytest.fixture(scope="module")
def handbook():
    return distinct(cut_passages(lw.read(HANDBOOK)))


def test_a_query_is_in_its_passages_before_and_in_none_of_them_after(handbook):
    items = make_known_items(handbook)
    before = [on_one_line(embedded_text(one.chunk)) for one in handbook]
    assert len(items.queries) > 100
    for query, numbers in zip(items.queries, items.relevant, strict=True):
        assert all(query in before[number] for number in numbers)
        assert all(query not in on_one_line(items.texts[number]) for number in numbers)
        assert all(len(pieces([items.texts[number]])[0]) >= 20 for number in numbers)


def test_a_passage_gives_one_query_and_others_stay_as_they_are(handbook):
    items = make_known_items(handbook, most=30)
    used = [number for numbers in items.relevant for number in numbers]
    assert len(items.queries) == 30
    assert len(set(used)) == len(used)
    for number, passage in enumerate(handbook):
        assert (items.texts[number] == embedded_text(passage.chunk)) == (number not in used)


def test_the_seed_decides(handbook):
    assert make_known_items(handbook, most=40) == make_known_items(handbook, most=40)
    assert make_known_items(handbook, most=40).queries != make_known_items(handbook, most=40, seed=1).queries


def test_a_heading_is_taken_out_of_all_that_stands_below_it():
    text = f"# The sea eagle at its nest\n\n{FILLER * 6}\n\n## Food\n\n{FILLER.upper() * 6}"
    other = f"# Something else altogether\n\n{'Nothing is said of birds on this page, or in any other of them. ' * 4}"
    items, before = made(document("a", text), document("b", other))
    place = items.queries.index("The sea eagle at its nest")
    assert len(items.relevant[place]) > 1
    assert all("sea eagle" in before[number] for number in items.relevant[place])
    assert not any("sea eagle" in text for text in items.texts)


def test_headings_of_scripts_without_blanks_are_taken_too():
    text = "# 种子仓库的规则\n\n门从里面锁上，钥匙挂在钟旁边，谁也不许把它带回家，因为第二天早上别人还要用。"
    items, _ = made(document("a", text), document("b", text.replace("种子仓库的规则", "钥匙").replace("钟", "灯")))
    assert items.queries == ["种子仓库的规则"]


def test_what_would_not_tell_passages_apart_is_not_taken():
    """A heading or a sentence that others have too, a heading of one word, a passage that is there twice."""
    same = "This sentence is printed at the foot of each and every page. "
    first, second = (
        f"# What to bring\n\n{same}{' '.join(f'{word} {number}' for number in range(40))}" for word in ("owl", "elk")
    )
    items, _ = made(
        document("a", first), document("b", second), document("c", second), document("d", f"# Food\n{second}")
    )
    assert items.queries == []
    assert len(items.texts) == 3


def test_sentences_are_whole_and_prose():
    prose = "Dr. Mayer keeps 3.5 kilos of seed in the shed behind the house. 这座房子后面的棚子里有很多种子和工具。"
    table = (
        "\n\n| a | b |\n|---|---|\n| 1 | 2. |\n\nx = [1, 2, 3]; y = f(x) + 7; z = {0: 1}.\n\n- a list without stops\n"
    )
    items, _ = made(
        *(
            document(str(i), f"{prose.replace('seed', word)}{table}{'so it is ' * 30}", "text")
            for i, word in enumerate(["rye", "oats"])
        )
    )
    assert set(items.queries) <= {
        "Dr. Mayer keeps 3.5 kilos of rye in the shed behind the house.",
        "Dr. Mayer keeps 3.5 kilos of oats in the shed behind the house.",
    }
    assert len(items.queries) == 2


def test_passages_do_not_depend_on_a_model_and_fit_their_budget(handbook):
    assert max(len(spans) for spans in pieces([one.chunk.text for one in handbook])) <= 200
    assert [
        [text[a:b] for a, b in spans] for text, spans in [("elephants, 象です", pieces(["elephants, 象です"])[0])]
    ] == [["eleph", "ants", ",", "象", "で", "す"]]


def test_nothing_gives_nothing_and_a_count_must_be_one():
    items, _ = made()
    assert (items.queries, items.texts) == ([], [])
    with pytest.raises(SettingError, match="most is 0"):
        make_known_items([], most=0)
