"""Bytes to text."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from likewise.errors import ReadingError
from likewise.reading._decoding import clean, decode

WESTERN = [
    "naïve",
    "Straße",
    "Café déjà vu",
    "Das Wörterbuch enthält über zwanzig Einträge für jeden schönen Tag.",
    "El niño comió piñas en el jardín: ¿qué pasó?",
    "Não há razão para a ação de São João",
    "Räksmörgås på ön är gott, säger Åsa",
    "He said “hello”, and it’s 5 € for a naïve café",
    "plain words " * 20_000 + "and one café",
]
OTHERS = [
    ("cp1250", "Příliš žluťoučký kůň úpěl ďábelské ódy"),
    ("cp1251", "Привет, как дела? Сегодня хорошая погода."),
    ("koi8_r", "Привет, как дела? Сегодня хорошая погода."),
    ("cp1253", "Καλημέρα, πώς είσαι σήμερα; Είναι ωραία μέρα."),
    ("shift_jis", "こんにちは、お元気ですか。今日は天気がいいですね。" * 3000),
    ("gbk", "你好，今天天气很好，我们去公园散步吧。"),
    ("euc_kr", "안녕하세요, 오늘 날씨가 좋네요. 공원에 갑시다."),
]


@pytest.mark.parametrize("text", WESTERN)
def test_western_text_comes_out_right(text: str) -> None:
    assert decode(text.encode("cp1252")) == text


@pytest.mark.parametrize(("encoding", "text"), OTHERS)
def test_other_legacy_encodings_come_out_right(encoding: str, text: str) -> None:
    assert decode(text.encode(encoding)) == text


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
@given(text=st.text(st.characters(exclude_categories=["Cc", "Cs"], exclude_characters="\ufeff")))
def test_unicode_comes_back(encoding: str, text: str) -> None:
    assert decode(text.encode(encoding)) == text


def test_utf16_of_either_order() -> None:
    for order in ("le", "be"):
        assert decode("\ufeffnaïve\r\n".encode(f"utf-16-{order}")) == "naïve\n"


def test_broken_utf16_is_an_error() -> None:
    with pytest.raises(ReadingError, match="not the UTF-16-LE that its byte-order mark says"):
        decode(b"\xff\xfea\x00b")


def test_a_few_nuls_are_spaces_and_many_are_another_kind_of_file() -> None:
    assert decode(b"one\x00two") == "one two"
    with pytest.raises(ReadingError, match="binary file"):
        decode(b"\x7fELF" + bytes(60) + b"text")


def test_one_bad_byte_does_not_make_utf8_another_encoding() -> None:
    text = "Größe und Höhe über alle Maße schön. " * 5
    assert decode(text.encode() + b"\xff") == text + "\ufffd"


def test_declared_encoding_wins_over_looks_and_loses_to_utf8() -> None:
    assert decode("çok güzel".encode("cp1254"), declared="windows-1254") == "çok güzel"
    assert decode("ş ğ ı".encode("cp1254"), declared="windows-1254") == "ş ğ ı"
    assert decode("çok".encode(), declared="latin-1") == "çok"
    assert decode("café".encode("cp1252"), declared="no-such") == "café"
    assert decode("café".encode("cp1252"), declared="zlib") == "café"


@given(st.text(st.characters()))
def test_clean_text_can_be_stored(text: str) -> None:
    cleaned = clean(text)
    assert cleaned.encode().decode() == cleaned
    assert not {"\r", "\0"} & set(cleaned)
    assert clean(cleaned) == cleaned


@given(st.binary())
def test_any_bytes_are_text_or_an_error(data: bytes) -> None:
    try:
        text = decode(data)
    except ReadingError:
        return
    assert clean(text) == text


@pytest.mark.parametrize(
    "data", [b"x" * 10_000_000, b"x" * 10_000_000 + b"\xe9", b"na\xefve,Stra\xdfe,caf\xe9." * 555_555]
)
def test_a_10_mb_line_without_a_space_takes_a_moment(data: bytes) -> None:
    start = time.perf_counter()
    assert len(decode(data)) == len(data)
    assert time.perf_counter() - start < 5  # it takes 0.3 s; a quadratic step would take hours
