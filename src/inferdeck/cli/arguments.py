"""The static table of commands, and the parsers made from it; imports the standard library alone."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from importlib import import_module

from inferdeck import __version__
from inferdeck.cli.commands import asking, definitions, running, simulate, stack
from inferdeck.cli.commands.form import Command
from inferdeck.errors import UsageError

# typing and dataclasses cost more CPU than an empty Python; --help is a third faster without them. The name alone
# tells type checkers that the block is for them.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

Run = Callable[[argparse.Namespace], int]
DESCRIPTION = "Shows what a whole LLM serving stack is doing, what it costs and what is about to break."
EPILOG = """exit codes: 0 done, 1 failed, 2 wrong use or configuration, 3 nothing answers, 4 forbidden, 5 a limit

environment: INFERDECK_CONFIG (file), INFERDECK_URL (daemon to ask), INFERDECK_TOKEN or INFERDECK_TOKEN_FILE,
NO_COLOR, and every key of the file as INFERDECK_SECTION__KEY
"""

COMMANDS: tuple[Command, ...] = (
    *running.COMMANDS,
    *stack.COMMANDS,
    *asking.COMMANDS,
    *definitions.COMMANDS,
    *simulate.COMMANDS,
)
"""In the order in which --help lists them."""
GROUPS = {
    "probe": "tests that send real requests",
    "sources": "what is watched",
    "hosts": "programs that show widgets: tmux, watch, bars, prompts",
    "annotations": "what people and scripts noted",
    "config": "the configuration",
    "store": "the history on disk",
    "rules": "alert and recording rules",
    "dashboards": "dashboards: files, checks, contents",
    "snapshot": "figures before and after a change",
    "grafana": "dashboards for Grafana",
    "simulate": "a simulated fleet",
}


USUAL = {"annotations": "list", "hosts": "list"}
"""What a group does where no command of it is named."""


class Parser(argparse.ArgumentParser):
    """Reports mistakes as UsageError, with the nearest right word."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}{self._nearest(message)}\n  {self.prog} --help says what there is")

    def _nearest(self, message: str) -> str:
        from difflib import get_close_matches

        known = [flag for action in self._actions for flag in action.option_strings]
        known += [str(choice) for action in self._actions for choice in action.choices or ()]
        quoted = message.split("'")[1::2]
        for word in message.replace("'", " ").replace("=", " ").split():
            word = word.rstrip(":")
            if not word.startswith("-") and word not in quoted:
                continue
            near = get_close_matches(word, [name for name in known if name != word], 1, 0.6)
            if near and word not in known:
                return f'; did you mean "{near[0]}"?'
        return ""


def parser() -> Parser:
    """Return the parser of the whole command line."""
    common = Parser(add_help=False, argument_default=argparse.SUPPRESS)
    common.add_argument("--config", metavar="FILE", help="configuration file")
    common.add_argument("--data-dir", metavar="DIR", help="data directory")
    common.add_argument("--url", metavar="URL", help="daemon to ask: http://HOST:PORT or unix:///PATH")
    raw = argparse.RawDescriptionHelpFormatter
    top = Parser("inferdeck", description=DESCRIPTION, epilog=EPILOG, formatter_class=raw, parents=[common])
    top.add_argument("-V", "--version", action="version", version=f"inferdeck {__version__}")
    children = top.add_subparsers(metavar="COMMAND", required=True, parser_class=Parser)
    groups: dict[str, Any] = {}
    for command in COMMANDS:
        first = command.words[0]
        if len(command.words) == 1:
            parent = children
        else:
            if first not in groups:
                text = GROUPS[first]
                made = children.add_parser(first, help=text, description=_sentence(text))
                groups[first] = made.add_subparsers(metavar="COMMAND", required=True, parser_class=Parser)
            parent = groups[first]
        one = parent.add_parser(
            command.words[-1], help=command.help, description=_sentence(command.help), parents=[common]
        )
        one.set_defaults(command=command)
        for option in command.options:
            one.add_argument(*option.flags, **option.settings)
    return top


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def parse(given: Sequence[str]) -> argparse.Namespace:
    """Return the arguments, with config, data_dir and url set to None where they were not given; raises UsageError."""
    defaults = argparse.Namespace(config=None, data_dir=None, url=None)
    top = parser()
    given = _with_usual(given)
    options, unknown = top.parse_known_args(given, defaults)
    words: list[str] | None = getattr(options, "words", None)
    if words is not None and not any(word.startswith("-") for word in unknown):
        # argparse takes what stands before an option for all of the words.
        words += unknown
        unknown = []
    if unknown:
        _parser_of(top, options.command.words).error(f"unknown argument {unknown[0]}")
    return options


def _with_usual(given: Sequence[str]) -> Sequence[str]:
    """Return the words with the usual command of a group, where the group is named and none of its commands."""
    place = 0
    while place < len(given) and given[place].startswith("--"):
        # An option of all commands, whose value may be the next word.
        place += 1 if "=" in given[place] else 2
    group, rest = given[place : place + 1], given[place + 1 :]
    if not group or group[0] not in USUAL or (rest and (rest[0] in ("-h", "--help") or not rest[0].startswith("-"))):
        return given
    return (*given[: place + 1], USUAL[group[0]], *rest)


def command(found: Command) -> Run:
    """Return the function that runs a command."""
    module, _, name = found.run.partition(":")
    run: Run = getattr(import_module(f"inferdeck.cli.{module}"), name)
    return run


def _parser_of(top: Parser, words: Sequence[str]) -> Parser:
    found = top
    for word in words:
        actions = [action for action in found._actions if isinstance(action, argparse._SubParsersAction)]
        found = actions[0].choices[word]
    return found
