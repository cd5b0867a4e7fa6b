"""What a question says beyond its words: phrases in quotes, and words of which only the beginning is given."""

import re
from dataclasses import dataclass

from likewise.encoding.lexical import LETTER, WORD, Analyzer

# After a digit a quote is a mark of inches; a star within a word or beside another one is one of code or Markdown.
_QUOTED = r'(?<!\d)["“„](?P<quoted>[^"“”„]+)["“”]'
_BEGUN = rf"(?<!{LETTER})(?<!{LETTER}['’])(?P<begun>{WORD.pattern})\*(?![\w*])"  # from a word's first letter alone
_MARKED = re.compile(f"{_QUOTED}|{_BEGUN}")
_SHORTEST = 2  # letters that a word must begin with: fewer are the beginning of everything


@dataclass(frozen=True, slots=True)
class Phrase:
    """Words that stand next to each other."""

    text: str
    stems: tuple[str, ...]  # in order, at least one


@dataclass(frozen=True, slots=True)
class Begun:
    """A word of which only the beginning is given."""

    text: str  # as the question has it, without the star
    letters: str  # in the spelling of stems
    stems: tuple[str, ...]  # of what is given, were it a whole word


@dataclass(frozen=True, slots=True)
class QueryText:
    """A question taken apart."""

    text: str  # as it is read: without the marks that were understood
    words: str  # the same, without the words that are only begun
    phrases: tuple[Phrase, ...]
    begun: tuple[Begun, ...]


def plain_query(query: str) -> QueryText:
    """A question in which no mark means anything."""
    return QueryText(query, query, (), ())


def parse_query(query: str, analyzer: Analyzer) -> QueryText:
    """Take a question apart.

    A phrase stands in straight or curly quotes. A star after at least two letters stands for the rest of a word. What
    is neither is an ordinary character: a quote that nothing closes, quotes around no words but those that carry
    grammar alone, a star on its own, within a word, between quotes, or after a script that has no spaces between words.

    Example:
        >>> parsed = parse_query('"State of the art" in batter* research', Analyzer())
        >>> parsed.text, parsed.phrases[0].stems, parsed.begun[0].letters
        ('State of the art in batter research', ('state', 'art'), 'batter')
    """
    phrases: list[Phrase] = []
    begun: list[Begun] = []
    text: list[str] = []
    words: list[str] = []
    end = 0
    for match in _MARKED.finditer(query):
        before, end = query[end : match.start()], match.end()
        read = rest = match[0]
        if quoted := match["quoted"]:
            if stems := tuple(analyzer.words(quoted)):
                phrases.append(Phrase(quoted, stems))
                read = rest = f" {quoted} "
        elif len(letters := analyzer.beginning(match["begun"])) >= _SHORTEST:
            begun.append(Begun(match["begun"], letters, tuple(analyzer.words(letters))))
            read, rest = match["begun"], " "
        text += before, read
        words += before, rest
    if not (phrases or begun):
        return plain_query(query)
    whole = " ".join("".join([*text, query[end:]]).split())
    return QueryText(whole, "".join([*words, query[end:]]), tuple(phrases), tuple(begun))
