"""The tokens of one query and the place where its reading stands."""

from __future__ import annotations

from inferdeck.errors import QueryError
from inferdeck.query.promql.lexer import Kind, Lexer, Token
from inferdeck.query.promql.literals import duration_ms, number, quote, unquote

_FREE = (Kind.STRING, Kind.END, Kind.IDENTIFIER, Kind.METRIC)
"""Tokens whose text is the user's own."""


class Cursor:
    """Walks over the tokens of a text; every complaint carries the place."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._tokens = Lexer(text).tokens()
        self._index = 0
        self.token = self._tokens[0]
        """The token that comes next."""

    @property
    def following(self) -> Token:
        """The token after the next one."""
        return self._tokens[min(self._index + 1, len(self._tokens) - 1)]

    @property
    def last_end(self) -> int:
        """Where the token before the next one ended."""
        return self._tokens[self._index - 1].end if self._index else 0

    def take(self) -> Token:
        """Return the next token and step over it; the end is never stepped over."""
        token = self.token
        if token.kind is not Kind.END:
            self._index += 1
            self.token = self._tokens[self._index]
        return token

    def at(self, *words: str) -> bool:
        """Return whether the next token is one of these signs, operators or keywords."""
        token = self.token
        return token.word in words and token.kind not in _FREE

    def at_end(self) -> bool:
        """Return whether nothing comes any more."""
        return self.token.kind is Kind.END

    def skip(self, word: str) -> bool:
        """Step over this sign or keyword where it comes next."""
        if self.at(word):
            self.take()
            return True
        return False

    def expect(self, word: str, where: str) -> Token:
        """Step over this sign; raises QueryError where something else stands there."""
        if not self.at(word):
            raise self.unexpected(where, f'"{word}"')
        return self.take()

    def unexpected(self, where: str = "", expected: str = "") -> QueryError:
        """Return the complaint about the next token in Prometheus' words."""
        token = self.token
        context = f" in {where}" if where else ""
        wanted = f", expected {expected}" if expected else ""
        return self.error(
            f"unexpected {token.described()}{context}{wanted}", token.start, max(token.end, token.start + 1)
        )

    def error(self, message: str, start: int, end: int) -> QueryError:
        """Return a complaint about these characters."""
        return QueryError(message, text=self.text, start=start, end=end)

    def string(self) -> str:
        """Return the content of the next token, a string."""
        token = self.take()
        try:
            return unquote(token.text)
        except ValueError as error:
            raise self.error(f"error unquoting string {quote(token.text)}: {error}", token.start, token.end) from error

    def number(self) -> float:
        """Return the value of the next token, a number or a duration in seconds."""
        token = self.take()
        try:
            return duration_ms(token.text) / 1000 if token.kind is Kind.DURATION else number(token.text)
        except ValueError as error:
            raise self.error(str(error), token.start, token.end) from error

    def at_number(self) -> bool:
        """Return whether a number or a duration comes next."""
        return self.token.kind in (Kind.NUMBER, Kind.DURATION)
