"""Commands of the simulator, and completion."""

from __future__ import annotations

from inferdeck.cli.commands.form import JSON, Command, option

SHELLS = ("bash", "zsh", "fish")

COMMANDS: tuple[Command, ...] = (
    Command(("simulate", "scenarios"), "list the scenarios of the simulator", "simulate:scenarios", (JSON,)),
    Command(
        ("simulate", "describe"),
        "show what happens in a scenario and what an observer ought to conclude",
        "simulate:describe",
        (option("scenario", metavar="SCENARIO", help="its name or file"), JSON),
    ),
    Command(
        ("simulate", "check"),
        "check scenario and fleet files",
        "simulate:check",
        (option("files", metavar="FILE", nargs="+", help="a scenario or fleet as YAML"), JSON),
    ),
    Command(
        ("simulate", "serve"),
        "let a simulated fleet listen on loopback until Ctrl-C, and print the configuration that watches it",
        "simulate_serve:serve",
        (
            option("scenario", metavar="SCENARIO", nargs="?", default="calm-day", help="its name or file (calm-day)"),
            option("--speed", type=float, metavar="N", help="how many times as fast as the clock (1)"),
            option(
                "--at", metavar="TIME", help="so far into the scenario: 20m, or a time such as 2026-03-04T09:20:00Z"
            ),
            option("--frozen", action="store_true", help="time stands still: at --at, or at the scenario's end"),
            option(
                "--port",
                type=int,
                metavar="BASE",
                default=0,
                help="the first of consecutive ports; free ones where absent",
            ),
            option("--folder", metavar="DIR", help="where the Docker sockets and the programs' log files go"),
            JSON,
        ),
    ),
    Command(
        ("completion",),
        "print the completion script of a shell",
        "completion:completion",
        (option("shell", choices=SHELLS, help="which shell"),),
    ),
)
