"""Words of the command line: the same options everywhere, and numbers within the bounds of the daemon."""

from __future__ import annotations

import pytest

from inferdeck.cli import arguments
from inferdeck.errors import UsageError
from inferdeck.model import log_lines, page

PAGED = (
    "models",
    "providers",
    "services",
    "containers",
    "gpus",
    "routes",
    "events",
    "annotations list",
    "config files",
)


@pytest.mark.parametrize("command", PAGED)
def test_what_shows_a_text_is_asked_in_either_form(command: str) -> None:
    for flag in ("-q", "--q"):
        assert arguments.parse((*command.split(), flag, "x")).q == "x"


@pytest.mark.parametrize("command", PAGED)
@pytest.mark.parametrize("wrong", ["0", "-1", "1001", "99999", "x", "1.5", "9" * 5000])
def test_a_limit_says_its_bounds(command: str, wrong: str) -> None:
    with pytest.raises(UsageError, match="--limit: 1 to 1000, not "):
        arguments.parse((*command.split(), f"--limit={wrong}"))
    assert arguments.parse((*command.split(), "--limit", str(page.LARGEST_LIMIT))).limit == page.LARGEST_LIMIT


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("logs", "-n", "0"), f"--lines: 1 to {log_lines.LARGEST_LIMIT}, not 0"),
        (("logs", "-B", "-3"), f"--before: 0 to {log_lines.LARGEST_LIMIT}, not -3"),
        (("logs", "-A", "2001"), f"--after: 0 to {log_lines.LARGEST_LIMIT}, not 2001"),
        (("events", "--offset=-1"), "--offset: 0 or more, not -1"),
        (("annotations", "delete", "0"), "ID: 1 or more, not 0"),
    ],
)
def test_other_numbers_say_their_bounds(words: tuple[str, ...], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        arguments.parse(words)


def test_a_group_has_a_usual_command() -> None:
    assert arguments.parse(("annotations",)).command.words == ("annotations", "list")
    assert arguments.parse(("annotations", "--tag", "a")).tag == "a"
    for before in (("--url", "http://h"), ("--url=http://h",)):
        found = arguments.parse((*before, "annotations", "--json"))
        assert (found.url, found.command.words, found.json) == ("http://h", ("annotations", "list"), True)
    with pytest.raises(UsageError, match='did you mean "list"'):
        arguments.parse(("annotations", "lits"))
