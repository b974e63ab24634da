"""`inferdeck completion SHELL`: a completion script made from the table of commands."""

from __future__ import annotations

import argparse
import sys

from inferdeck.cli.arguments import COMMANDS, GROUPS
from inferdeck.cli.arguments import parser as make_parser
from inferdeck.cli.commands.form import Command


def completion(options: argparse.Namespace) -> int:
    """Print the script; bash and zsh by shtab, fish by ourselves, since shtab has no fish."""
    if options.shell == "fish":
        sys.stdout.write(fish())
        return 0
    import shtab

    sys.stdout.write(shtab.complete(make_parser(), shell=options.shell) + "\n")
    return 0


def fish() -> str:
    """Return a script for fish (fishshell.com, complete)."""
    lines = ["complete -c inferdeck -f"]
    firsts = {command.words[0]: command.help for command in COMMANDS if len(command.words) == 1} | GROUPS
    for word, text in firsts.items():
        lines.append(f"complete -c inferdeck -n __fish_use_subcommand -a {word} -d '{text}'")
    for command in COMMANDS:
        lines += _of_command(command)
    return "\n".join(lines) + "\n"


def _of_command(command: Command) -> list[str]:
    seen = " && ".join(f"__fish_seen_subcommand_from {word}" for word in command.words)
    lines = []
    if len(command.words) == 2:
        group, word = command.words
        siblings = " ".join(c.words[1] for c in COMMANDS if c.words[0] == group)
        asked = f"__fish_seen_subcommand_from {group} && not __fish_seen_subcommand_from {siblings}"
        lines.append(f"complete -c inferdeck -n '{asked}' -a {word} -d '{command.help}'")
    for option in command.options:
        long = next((flag[2:] for flag in option.flags if flag.startswith("--")), "")
        short = next((flag[1:] for flag in option.flags if flag[0] == "-" and flag[1] != "-"), "")
        if long:
            letter = f" -s {short}" if short else ""
            takes = "" if option.settings.get("action") == "store_true" else " -r"
            lines.append(f"complete -c inferdeck -n '{seen}' -l {long}{letter}{takes} -d '{option.settings['help']}'")
        choices = option.settings.get("choices", ())
        lines += [f"complete -c inferdeck -n '{seen}' -a {choice}" for choice in choices]
    return lines
