"""What models declare of languages, and in which scripts texts are."""

import pytest

from likewise.evaluating.languages import declared_languages, scripts_of, undeclared_scripts


@pytest.mark.parametrize(
    ("card", "languages"),
    [
        ("---\nlanguage: en\nlicense: mit\n---\n# A model", ["en"]),
        ("---\nlanguage:\n- en\n- zh-Hans\ntags:\n- x\n---\n", ["en", "zh-hans"]),
        ("---\nlanguage: [de, 'fr']\n---\n", ["de", "fr"]),
        ("---\nlicense: mit\n---\nlanguage: en\n", []),
        ("language: en\n", []),
        (None, []),
    ],
)
def test_languages_are_those_of_the_card(tmp_path, card, languages):
    if card is not None:
        (tmp_path / "README.md").write_text(card)
    assert declared_languages(tmp_path) == languages


def test_scripts_are_counted_by_letters():
    assert scripts_of(["ab 12!", "яя", "漢字かな", "ＡＢ"]) == {
        "LATIN": 0.4,
        "CYRILLIC": 0.2,
        "CJK": 0.2,
        "HIRAGANA": 0.2,
    }
    assert scripts_of(["12 + 3", ""]) == {}


@pytest.mark.parametrize(
    ("languages", "scripts"),
    [
        (["en"], ["CYRILLIC", "CJK"]),
        (["en", "ru"], ["CJK"]),
        (["uk", "zh-hans"], []),
        (["multilingual"], []),
        ([], []),
    ],
)
def test_a_script_of_no_declared_language_is_named(languages, scripts):
    shares = {"LATIN": 0.6, "CYRILLIC": 0.3, "CJK": 0.095, "GREEK": 0.005}
    assert undeclared_scripts(shares, languages) == scripts
