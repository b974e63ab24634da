"""Splits the text of a query into tokens with their places (rules: prometheus promql/parser/lex.go)."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import NamedTuple

from inferdeck.errors import QueryError
from inferdeck.query.promql.functions import AGGREGATORS
from inferdeck.query.promql.limits import check_depth
from inferdeck.query.promql.literals import quote


class Kind(StrEnum):
    """What a token is; the values are the words of Prometheus' messages."""

    IDENTIFIER = "identifier"
    METRIC = "metric identifier"
    NUMBER = "number"
    DURATION = "duration"
    STRING = "string"
    SIGN = "sign"
    KEYWORD = "keyword"
    OPERATOR = "operator"
    AGGREGATOR = "aggregator"
    END = "end of input"


class Token(NamedTuple):
    """A piece of the text from `start` to `end`; `word` is the lower-case keyword, the sign, or the text itself."""

    kind: Kind
    text: str
    word: str
    start: int
    end: int

    def described(self) -> str:
        """Return what messages call it."""
        if self.kind is Kind.END:
            return "end of input"
        if self.kind is Kind.KEYWORD:
            return f"<{self.text}>"
        if self.kind is Kind.OPERATOR:
            return f"<op:{self.text}>"
        if self.kind is Kind.AGGREGATOR:
            return f"<aggr:{self.text}>"
        shown = quote(self.text)
        if self.kind is Kind.SIGN:
            return shown
        if len(self.text) > 10 and self.kind not in (Kind.IDENTIFIER, Kind.METRIC):
            shown = quote(self.text[:10]) + "..."
        return f"{self.kind.value} {shown}"


WORD_OPERATORS = frozenset({"and", "or", "unless", "atan2"})
KEYWORDS = frozenset(
    {
        *("offset", "anchored", "smoothed", "by", "without", "on", "ignoring", "group_left", "group_right", "bool"),
        *("fill", "fill_left", "fill_right", "start", "end", "step", "range"),
    }
)
_FILLS = frozenset({"fill", "fill_left", "fill_right"})
_SIGN_OPERATORS = frozenset(
    {"+", "-", "*", "/", "%", "^", "==", "!=", "<", "<=", ">", ">=", "=~", "!~", "@", "</", ">/"}
)

_BLANK = re.compile(r"(?:[ \t\r\n]+|#[^\r\n]*)+")
_BLANKS = frozenset(" \t\r\n#")
_NUMBER = re.compile(
    r"(?:0[xX]_?[0-9a-fA-F]+(?:_[0-9a-fA-F]+)*"
    r"|(?:[0-9]+(?:_[0-9]+)*(?:\.(?:[0-9]+(?:_[0-9]+)*)?)?|\.[0-9]+(?:_[0-9]+)*)(?:[eE][+-]?[0-9]+(?:_[0-9]+)*)?)"
    r"(?![A-Za-z0-9_])"
)
_DURATION = re.compile(r"[0-9][0-9.]*[smhdwy]s?(?:[0-9]+[smhdw]s?)*(?![A-Za-z0-9_])")
_BAD_NUMBER = re.compile(r"[0-9.][A-Za-z0-9_.]*")
_WORD = re.compile(r"[A-Za-z_:][A-Za-z0-9_:]*")
_PLAIN_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SIGN = re.compile(r"==|!=|<=|>=|</|>/|=~|!~|[-+*/%^<>=@,(){}\[\]]")
_BRACE_SIGN = re.compile(r"=~|!~|!=|[={},]")
_BRACKET_SIGN = re.compile(r"[-+*/%^:,()\]]")
_STRING = {sign: re.compile(rf"{sign}(?:[^{sign}\\\n]|\\.)*{sign}") for sign in "\"'"} | {"`": re.compile(r"`[^`]*`")}
_OPENERS = {")": "(", "]": "[", "}": "{"}
_NAMES = {"(": "left parenthesis", "[": "left bracket", "{": "left brace"}
_CLOSERS = {")": "right parenthesis", "]": "right bracket", "}": "right brace"}


class Lexer:
    """Reads one query from left to right; braces and brackets have words and signs of their own."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._place = 0
        self._open: list[str] = []

    def tokens(self) -> list[Token]:
        """Return all tokens, the last of kind END; raises QueryError."""
        found: list[Token] = []
        while True:
            if self._text[self._place : self._place + 1] in _BLANKS and (
                blank := _BLANK.match(self._text, self._place)
            ):
                self._place = blank.end()
            if self._place >= len(self._text):
                self._finish()
                found.append(Token(Kind.END, "", "", self._place, self._place))
                return found
            token = self._next()
            self._place = token.end
            found.append(token)

    def _next(self) -> Token:
        letter = self._text[self._place]
        if letter in _STRING and "[" not in self._open:
            return self._string(letter)
        if "{" in self._open:
            return self._inside_braces(letter)
        if letter.isascii() and (letter.isdigit() or (letter == "." and self._digit_follows())):
            return self._number()
        if "[" in self._open:
            return self._inside_brackets(letter)
        if match := _WORD.match(self._text, self._place):
            return self._word(match.group())
        return self._sign(_SIGN, letter, "")

    def _digit_follows(self) -> bool:
        return self._text[self._place + 1 : self._place + 2] in set("0123456789")

    def _string(self, sign: str) -> Token:
        if match := _STRING[sign].match(self._text, self._place):
            return self._token(Kind.STRING, match.group())
        raise self._error("unterminated raw string" if sign == "`" else "unterminated quoted string")

    def _number(self) -> Token:
        if match := _NUMBER.match(self._text, self._place):
            return self._token(Kind.NUMBER, match.group())
        if match := _DURATION.match(self._text, self._place):
            return self._token(Kind.DURATION, match.group())
        bad = _BAD_NUMBER.match(self._text, self._place)
        shown = bad.group() if bad else self._text[self._place]
        raise self._error(f"bad number or duration syntax: {quote(shown)}", len(shown))

    def _inside_braces(self, letter: str) -> Token:
        if match := _PLAIN_WORD.match(self._text, self._place):
            return self._token(Kind.IDENTIFIER, match.group())
        if letter == "{":
            raise self._error("unexpected left brace '{'")
        return self._sign(_BRACE_SIGN, letter, " inside braces")

    def _inside_brackets(self, letter: str) -> Token:
        if match := _PLAIN_WORD.match(self._text, self._place):
            return self._word(match.group())
        return self._sign(_BRACKET_SIGN, letter, " in duration expression")

    def _word(self, text: str) -> Token:
        word = text.lower()
        if word in ("inf", "nan"):
            return self._token(Kind.NUMBER, text, word)
        if word in WORD_OPERATORS:
            return self._token(Kind.OPERATOR, text, word)
        if word in AGGREGATORS:
            return self._token(Kind.AGGREGATOR, text, word)
        if word in KEYWORDS and (word not in _FILLS or self._parenthesis_follows(len(text))):
            return self._token(Kind.KEYWORD, text, word)
        return self._token(Kind.METRIC if ":" in text else Kind.IDENTIFIER, text)

    def _parenthesis_follows(self, length: int) -> bool:
        return self._text[self._place + length :].lstrip(" \t\r\n")[:1] == "("

    def _sign(self, pattern: re.Pattern[str], letter: str, where: str) -> Token:
        match = pattern.match(self._text, self._place)
        if match is None:
            raise self._error(f"unexpected character{where}: {letter!r}")
        sign = match.group()
        if sign in _NAMES:
            if sign == "[" and "[" in self._open:
                raise self._error("unexpected left bracket '['")
            self._open.append(sign)
            check_depth(len(self._open), self._text, self._place)
        elif sign in _OPENERS:
            if not self._open or self._open[-1] != _OPENERS[sign]:
                raise self._error(f"unexpected {_CLOSERS[sign]} {sign!r}")
            self._open.pop()
        return self._token(Kind.OPERATOR if sign in _SIGN_OPERATORS else Kind.SIGN, sign)

    def _finish(self) -> None:
        if not self._open:
            return
        if self._open[-1] == "{":
            raise self._error("unexpected end of input inside braces")
        raise self._error(f"unclosed {_NAMES[self._open[-1]]}")

    def _token(self, kind: Kind, text: str, word: str | None = None) -> Token:
        return Token(kind, text, text if word is None else word, self._place, self._place + len(text))

    def _error(self, message: str, length: int = 1) -> QueryError:
        return QueryError(message, text=self._text, start=self._place, end=self._place + length)
