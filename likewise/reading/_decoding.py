"""Bytes to text that everything downstream can take: one kind of newline, and nothing that UTF-8 can't hold."""

import codecs
import re

from charset_normalizer import from_bytes

from likewise.errors import ReadingError

_BOMS = (  # UTF-32 first: its little-endian mark starts with UTF-16's
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# The encodings that text files are found in. Left to itself the detector also considers EBCDIC and old terminals, and
# takes a short word with one accent for one of them.
_LEGACY = [
    *("cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "cp874", "iso8859_2", "koi8_r"),
    *("cp932", "euc_jp", "gb18030", "big5", "cp949"),
]
_CONTROLS = bytes({*range(32)} - {*b"\t\n\v\f\r\b\x1b"})
_SAMPLE_BYTES = 65_536
_SURROGATES = re.compile("[\ud800-\udfff]")


def decode(data: bytes, *, declared: str = "") -> str:
    """Text of ``data``: by its byte-order mark, as UTF-8, as ``declared`` by the format itself, then by its looks.

    Raises:
        ReadingError: ``data`` is not text.
    """
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            return clean(_strictly(data[len(mark) :], encoding))
    controls = len(data) - len(data.translate(None, _CONTROLS))
    if controls > max(2, len(data) // 50):  # a stray NUL is a slip of some program, many are another kind of file
        raise ReadingError("binary file")
    text = _utf8(data) or _declared(data, declared)
    return clean(text if text or not data else data.decode(_detect(data), "replace"))


def clean(text: str) -> str:
    r"""Newlines as "\n", NULs as spaces, and lone surrogates (which UTF-8 can't hold) as U+FFFD.

    >>> clean("a\r\nb\rc\0d")
    'a\nb\nc d'
    """
    return scrub(text.replace("\r\n", "\n").replace("\r", "\n"))


def scrub(text: str) -> str:
    """The part of ``clean`` that moves no character, so offsets into ``text`` stay right."""
    text = text.replace("\0", " ")
    try:
        text.encode()
    except UnicodeEncodeError:
        return _SURROGATES.sub("\ufffd", text)
    return text


def _strictly(data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise ReadingError(f"not the {encoding.upper()} that its byte-order mark says: {error.reason}") from error


def _utf8(data: bytes) -> str:
    """``data`` as UTF-8, or "" if it is not. A few bad bytes among many good characters do not make it another."""
    text = data.decode("utf-8", "replace")
    bad = text.count("\ufffd") - data.count(b"\xef\xbf\xbd")
    if bad and bad * 10 > len(text) - len(text.encode("ascii", "ignore")) - bad:
        return ""
    return text


def _declared(data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding)
    except (LookupError, ValueError):  # no such encoding, or not this one
        return ""


def _detect(data: bytes) -> str:
    """The legacy encoding that ``data`` reads best in, judged from the part where it matters."""
    found = from_bytes(_sample(data), cp_isolation=_LEGACY)
    best = found.best()
    if best is None:
        raise ReadingError("binary file")
    western = next((match for match in found if "cp1252" in (match.encoding, *match.could_be_from_charset)), None)
    # The commonest one where it reads as well: short texts fit several, which then come in alphabetical order.
    if western and western.chaos <= best.chaos and western.coherence >= best.coherence:
        return "cp1252"
    return best.encoding


def _sample(data: bytes) -> bytes:
    """A stretch from the line of the first byte that ASCII lacks, cut where no character can be split."""
    first = re.search(rb"[\x80-\xff]", data)
    middle = first.start() if first else 0
    start = max(data.rfind(b"\n", 0, middle) + 1, middle - _SAMPLE_BYTES // 2)
    sample = data[start : start + _SAMPLE_BYTES]
    last = max(sample.rfind(b"\n"), sample.rfind(b" "))
    return sample[:last] if len(sample) == _SAMPLE_BYTES and last > _SAMPLE_BYTES // 2 else sample
