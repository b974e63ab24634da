"""Questions about what programs wrote, over the sources that keep lines."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from inferdeck.config.schema import Settings
from inferdeck.config.secrets import hide, secrets_of
from inferdeck.query.logs import LocalLogQuestions
from inferdeck.sources.interface import ReadsLogs, Source


def written_lines(settings: Settings, sources: Callable[[], Iterable[Source]]) -> LocalLogQuestions:
    """Return the questions; what the daemon itself was given as a secret stands in no line."""
    secrets = tuple(set(secrets_of(settings)))
    return LocalLogQuestions(
        lambda: [source for source in sources() if isinstance(source, ReadsLogs)], lambda text: hide(text, secrets)
    )
