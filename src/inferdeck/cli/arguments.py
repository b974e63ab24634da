"""The static table of commands, and the parsers made from it; imports the standard library alone."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from importlib import import_module

from inferdeck import __version__
from inferdeck.errors import UsageError
from inferdeck.faces.widgets import wish as widget

# typing and dataclasses cost more CPU than an empty Python; --help is a third faster without them. The name alone
# tells type checkers that the block is for them.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

Run = Callable[[argparse.Namespace], int]
PROBES = ("direct", "member", "stream", "embedding", "capability", "pool", "fallback")
SHELLS = ("bash", "zsh", "fish")
RULE_FILES = (
    *("recording", "alerts", "alerts-canonical", "alerts-stack", "alerts-slo", "alerts-gateway-slo", "maintenance"),
    "all",
)
DESCRIPTION = "Shows what a whole LLM serving stack is doing, what it costs and what is about to break."
EPILOG = """exit codes: 0 done, 1 failed, 2 wrong use or configuration, 3 nothing answers, 4 forbidden, 5 a limit

environment: INFERDECK_CONFIG (file), INFERDECK_URL (daemon to ask), INFERDECK_TOKEN or INFERDECK_TOKEN_FILE,
NO_COLOR, and every key of the file as INFERDECK_SECTION__KEY
"""


class Option:
    """One argument of a command, as argparse's add_argument takes it."""

    __slots__ = ("flags", "settings")

    def __init__(self, flags: tuple[str, ...], settings: dict[str, Any]) -> None:
        self.flags = flags
        self.settings = settings


class Command:
    """One command: its words, one line of help, the function `module:name` that runs it, its arguments."""

    __slots__ = ("help", "options", "run", "words")

    def __init__(self, words: tuple[str, ...], help: str, run: str, options: tuple[Option, ...] = ()) -> None:  # noqa: A002
        self.words = words
        self.help = help
        self.run = run
        self.options = options


def _option(*flags: str, **settings: Any) -> Option:
    return Option(flags, settings)


_JSON = _option("--json", action="store_true", help="print the answer as JSON")


LARGEST = 2**53
"""Of numbers without a bound of their own."""


def _whole(least: int, most: int) -> Callable[[str], int]:
    """Return what reads a whole number within bounds, and says which they are."""

    def read(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = least - 1
        if not least <= value <= most:
            bounds = f"{least} or more" if most == LARGEST else f"{least} to {most}"
            raise argparse.ArgumentTypeError(f"{bounds}, not {text}")
        return value

    return read


def _seconds(text: str) -> float:
    """Read a time above 0, an hour at most."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= 3600:
        raise argparse.ArgumentTypeError(f"more than 0 and 3600 at most, not {text}")
    return value


# The bounds are those of model/page.py and model/log_lines.py, which are not imported: --help is to be fast.
_PAGE = (
    _option("-q", "--q", metavar="TEXT", help="only what shows this text somewhere"),
    _option("--offset", type=_whole(0, LARGEST), metavar="N", help="leave out the first N"),
    _option("--limit", type=_whole(1, 1000), metavar="N", help="show N at most (100), 1000 at most"),
    _JSON,
)
_ENVIRONMENT = _option("--environment", metavar="NAME", help="only those of this environment")
_HOST = _option("--host", metavar="NAME", help="only those on this machine")
_KIND = _option(
    "kind",
    metavar="KIND",
    help="litellm, vllm, sglang, tgi, llamacpp, ollama, redis, docker, nvidia, dcgm, host, systemd, logs, langfuse, "
    "huggingface or prometheus",
)
_ENTRY = (
    _KIND,
    _option("address", metavar="URL", nargs="?", help="where it listens; the kind's usual place where absent"),
    _option("--key-env", metavar="NAME", help="environment variable that holds its key"),
    _option("--key-file", metavar="PATH", help="file that holds its key"),
    _option("--set", metavar="KEY=VALUE", action="append", default=[], help="any other key of the source"),
    _JSON,
)

_SPAN = (
    _option("--since", metavar="TIME", help="2026-01-31T12:00:00Z, Unix seconds, or 15m for that long ago"),
    _option("--until", metavar="TIME", help="the same"),
)

# Those of faces/hosts/table.py and wanted.py, which are not imported: --help is to be fast.
HOSTS = ("tmux", "screen", "watch", "sampler", "wtf", "wth", "waybar", "conky", "starship", "swiftbar", "scripts")
LAYOUTS = ("development", "production", "incident")
_HOSTED = (
    _option("host", metavar="HOST", choices=HOSTS, help=", ".join(HOSTS)),
    _option("--layout", choices=LAYOUTS, default=LAYOUTS[0], help="what is shown, and how often (development)"),
    _option("--program", metavar="PATH", default="", help="the inferdeck that is to be run; this one where absent"),
    _option("--dry-run", action="store_true", help="only show what would change"),
)
_YES = _option("-y", "--yes", action="store_true", help="do not ask")

COMMANDS: tuple[Command, ...] = (
    Command(("up",), "run the daemon in the foreground; where one runs, show its status", "up:up"),
    Command(
        ("top",),
        "the whole stack on this terminal; starts a daemon where none runs",
        "top:top",
        (
            _option("--screen", metavar="NAME", help="what is shown first: a view or a dashboard (overview)"),
            _option("--interval", metavar="TIME", help="how often it is asked for, 2s to 60s (5s)"),
            _option("--range", metavar="TIME", help="how long a time charts show (1h)"),
            _option("--environment", metavar="NAME", help="only what belongs to this environment"),
            _option("--theme", metavar="NAME", help="a theme, such as nord, textual-light or ansi-dark"),
            _option("--glyphs", choices=("auto", "braille", "block", "ascii"), help="what charts are made of (auto)"),
            _option("--readonly", action="store_true", help="take away every action that changes something"),
            _option("--once", action="store_true", help="print the view and end; needs no terminal"),
            _option("--size", default="", metavar="WxH", help="with --once: columns and rows (120x36)"),
            _option("--format", choices=("text", "svg", "png", "json"), help="with --once: as what (text)"),
            _option("--at", metavar="TIME", help="with --once: at this moment of the past"),
        ),
    ),
    Command(
        ("demo",),
        "watch a simulated fleet with a month of history; nothing else is needed",
        "demo:demo",
        (
            _option("--scenario", default="calm-day", help="what happens: inferdeck simulate scenarios (calm-day)"),
            _option("--days", type=float, default=30.0, metavar="N", help="days of history to play (30)"),
            _option("--speed", type=float, default=1.0, metavar="N", help="how fast the fleet's time goes on (1)"),
            _option("--port", type=int, default=0, metavar="N", help="port of the daemon; any free one where absent"),
            _option("--clean", action="store_true", help="only remove what killed demos left behind"),
        ),
    ),
    Command(
        ("status",),
        "show the whole stack at this moment",
        "status:status",
        (
            _option("-w", "--watch", action="store_true", help="redraw until Ctrl-C"),
            _option("-n", "--interval", type=float, metavar="SECONDS", help="redraw this often (2); implies --watch"),
            _JSON,
        ),
    ),
    Command(
        ("widget",),
        "print one widget for a prompt, a bar or a pane, within 400 ms; exit code 0 whatever is down",
        "widget:widget",
        (
            _option("name", metavar="NAME", choices=widget.NAMES, help=", ".join(widget.NAMES)),
            _option("--host", choices=widget.HOSTS, help="what shows it; guessed from the environment where absent"),
            _option("--width", type=_whole(1, 10_000), metavar="N", help="cells in a row; the host's where absent"),
            _option("--height", type=_whole(1, 10_000), metavar="N", help="rows; the host's where absent"),
            _option("--field", metavar="PATH", default="", help="only this figure, as a number"),
            _option("--icons", choices=widget.ICONS, help="how signs are drawn; as suits the host where absent"),
            _option("--max-age", type=_whole(0, 10_000_000), metavar="SECONDS", help="nothing older than this"),
            _option("--timeout", type=_whole(1, 60_000), metavar="MS", default=400, help="take no longer (400)"),
            _option("--check", action="store_true", help="exit with 0 ok, 1 warning, 2 critical, 3 unknown"),
            _option("--environment", metavar="NAME", default="", help="only this environment"),
            _option("--gateway", metavar="NAME", default="", help="only this gateway"),
            _option("--stream", metavar="TEXT", default="", help="logs: only streams with this in their name"),
            _option("--level", metavar="LEVEL", default="", help="logs: only lines of this level, and worse"),
        ),
    ),
    Command(
        ("board",),
        "show what widgets and commands print, side by side, as a file of boxes says",
        "sticker_board:board",
        (
            _option("file", metavar="FILE", nargs="?", default="", help="docs/board.md; a shipped one where absent"),
            _option("--once", action="store_true", help="run every command once, print the board, and leave"),
            _option("--size", metavar="WIDTHxHEIGHT", default="", help="with --once: columns and rows (120x36)"),
            _option("--format", choices=("text", "svg"), default="", help="with --once: how to print (text)"),
        ),
    ),
    Command(("hosts", "list"), "list the programs that show widgets, and what is written for each", "hosts:list_all"),
    Command(
        ("hosts", "write"),
        "write the files with which a program shows widgets, and change nothing else",
        "hosts:write",
        (*_HOSTED, _option("--out", metavar="DIR", default="", help="folder to write to; made where it is missing")),
    ),
    Command(
        ("hosts", "install"),
        "put them where the program looks, after showing what will change; keep a copy of what was there",
        "hosts:install",
        (*_HOSTED, _YES),
    ),
    Command(
        ("hosts", "uninstall"),
        "take away again what hosts install put in place, after showing it",
        "hosts:uninstall",
        (*_HOSTED, _YES),
    ),
    Command(
        ("models",),
        "list all models with their prices, or show one with everything known of it and how to ask for it",
        "models:models",
        (
            _option("name", metavar="NAME", nargs="?", help="one model"),
            _option("--type", metavar="TYPE", help="LLM, Embedding, Reranker, …"),
            _option("--provider", metavar="NAME", help="only what this provider serves"),
            _option("--capability", metavar="WORD", help="vision, tools, json, reasoning, streaming, …"),
            _option("--status", metavar="WORD", help="available, degraded, loading, error or unknown"),
            _option("--environment", metavar="NAME", help="only this environment"),
            _option(
                "--sort",
                metavar="BY",
                help="name, type, provider, status, context, parameters, price, requests; --sort=-price reverses",
            ),
            *_PAGE,
        ),
    ),
    Command(
        ("providers",),
        "list providers with latency, errors, cost and score",
        "providers:providers",
        (
            _option("--state", metavar="WORD", help="ok, degraded, failing, down or idle"),
            _option("--gateway", metavar="NAME", help="only as this gateway sees them"),
            _option("--environment", metavar="NAME", help="only this environment"),
            _option(
                "--sort",
                metavar="BY",
                help="name, state, requests, errors, latency, cost, score; --sort=-score reverses",
            ),
            *_PAGE,
        ),
    ),
    Command(
        ("services",),
        "list services with their process, container or unit: CPU, memory, uptime, restarts",
        "services:services",
        (
            _option("--kind", metavar="KIND", help="only services of this kind, such as vllm"),
            _option("--health", metavar="HEALTH", help="only those that are up, down or unknown"),
            _ENVIRONMENT,
            _HOST,
            *_PAGE,
        ),
    ),
    Command(
        ("containers",),
        "list containers, what runs in them and on which cards",
        "containers:containers",
        (
            _option("--state", metavar="STATE", help="only those in this state, such as running or exited"),
            _option("--health", metavar="HEALTH", help="only healthy, unhealthy or starting ones"),
            _option("--project", metavar="NAME", help="only those of this compose project"),
            _ENVIRONMENT,
            _HOST,
            *_PAGE,
        ),
    ),
    Command(
        ("gpus",),
        "list GPUs: load, memory, heat, what holds them back, who uses them",
        "gpus:gpus",
        (_option("--model", metavar="NAME", help="only cards of this model"), _ENVIRONMENT, _HOST, *_PAGE),
    ),
    Command(
        ("routes",),
        "show where requests for each public model go: deployments, engines, containers, cards, fallbacks",
        "routes:routes",
        (
            _option("--model", metavar="NAME", help="only this public model"),
            _option("--gateway", metavar="NAME", help="only this gateway's models"),
            _option("--state", metavar="STATE", help="only models that are active, degraded, inactive or unknown"),
            _option("--origin", metavar="ORIGIN", help="only what the running gateway says, or this file"),
            _option("--why", action="store_true", help="say for each link what it is known from, or why it is not"),
            _ENVIRONMENT,
            *_PAGE,
        ),
    ),
    Command(
        ("probe", "routing"),
        "prove where a gateway sends requests, by sending some: models, streams, pools, fallbacks, capabilities",
        "probe:routing",
        (
            _option("--gateway", metavar="NAME", help="which gateway: its name, or http://HOST:PORT"),
            _option("--model", metavar="NAME", action="append", default=[], help="only this public model; repeatable"),
            _option("--kind", action="append", default=[], choices=PROBES, help="only such cases; repeatable"),
            _option("--models", type=_whole(1, 100_000), default=50, metavar="N", help="this many models at most (50)"),
            _option(
                "--pool-requests",
                type=_whole(1, 100_000),
                metavar="N",
                help="requests to each pool; as many as a verdict needs where absent, 400 at most",
            ),
            _option("--timeout", type=_seconds, default=60.0, metavar="SECONDS", help="for each request (60)"),
            _option("--yes", action="store_true", help="send, also where it may cost money"),
            _option("--format", choices=("text", "json", "junit"), default="text", help="how to report (text)"),
        ),
    ),
    Command(("sources", "list"), "list what is watched", "sources:list_all", (_JSON,)),
    Command(
        ("sources", "explain"),
        "show one source: probes, effects, cost, errors",
        "sources:explain",
        (
            _option("source", metavar="SOURCE", help="its id, name or host:port, or its kind where only one is of it"),
            _JSON,
        ),
    ),
    Command(("sources", "test"), "read a source once, store nothing", "sources:test", _ENTRY),
    Command(("sources", "add"), "test a source and write it to the configuration file", "sources:add", _ENTRY),
    Command(
        ("query",),
        "ask a PromQL question; query test FILE … runs test scripts",
        "query:query",
        (
            _option("words", metavar="EXPR", nargs="+", help="the expression, or: test FILE …"),
            _option("--range", metavar="DURATION", help="over this long before --at, such as 1h"),
            _option("--step", metavar="DURATION", help="time between points; about 250 of them where absent"),
            _option("--at", metavar="TIME", help="Unix seconds or 2026-01-31T12:00:00Z; now where absent"),
            _option(
                "--format", choices=("table", "json", "csv", "chart"), default="table", help="how to print (table)"
            ),
            _option("--skipped", action="store_true", help="with test: list what was skipped and why"),
        ),
    ),
    Command(
        ("logs",),
        "show what the programs of the stack wrote: files, the journal, containers",
        "logs:logs",
        (
            _option("stream", metavar="STREAM", nargs="*", help="streams by name or a part of it; all where absent"),
            _option("-g", "--grep", metavar="TEXT", action="append", default=[], help="only lines with this text"),
            _option("-x", "--exclude", metavar="TEXT", action="append", default=[], help="only lines without it"),
            _option("-l", "--level", metavar="LEVEL", help="trace, debug, info, warning, error or critical, and worse"),
            _option("--around", metavar="TIME", help="the lines before and after a moment"),
            _option("--since", metavar="TIME", help="12:30, 2026-01-31T12:00:00Z, Unix seconds, or 15m: so long ago"),
            _option("--until", metavar="TIME", help="the same"),
            _option("-n", "--lines", type=_whole(1, 2000), metavar="N", help="the newest N (200), 2000 at most"),
            _option("-B", "--before", type=_whole(0, 2000), metavar="N", help="with --around: lines before it (50)"),
            _option("-A", "--after", type=_whole(0, 2000), metavar="N", help="with --around: lines after it (50)"),
            _option("-f", "--follow", action="store_true", help="go on with what is written until Ctrl-C"),
            _option("--streams", action="store_true", help="list the streams"),
            _JSON,
        ),
    ),
    Command(
        ("annotate",),
        "note a deployment, or anything else that happened, for charts and for later",
        "annotate:annotate",
        (
            _option("text", metavar="TEXT", help="what happened, in words"),
            _option("--kind", metavar="KIND", help="deployment, config_revision, budget, restart, or any word (note)"),
            _option("--tag", metavar="WORD", action="append", default=[], help="a word to find it by; may be repeated"),
            _option("--at", metavar="TIME", help="2026-01-31T12:00:00Z, Unix seconds, or 15m for that long ago (now)"),
            _option("--until", metavar="TIME", help="its end, where it lasted, in the same forms"),
            _option("--environment", metavar="NAME", help="the environment that it is about"),
            _JSON,
        ),
    ),
    Command(
        ("annotations", "list"),
        "list annotations, the newest first",
        "annotate:list_all",
        (
            _option("--kind", metavar="KIND", help="only of this kind"),
            _option("--tag", metavar="WORD", help="only with this tag"),
            *_SPAN,
            _ENVIRONMENT,
            *_PAGE,
        ),
    ),
    Command(
        ("annotations", "delete"),
        "delete an annotation",
        "annotate:delete",
        (_option("number", metavar="ID", type=_whole(1, LARGEST), help="its number in annotations list"), _JSON),
    ),
    Command(
        ("events",),
        "list what happened in the stack, the newest first: restarts, deployments, changed configuration, annotations",
        "events:events",
        (
            _option("--kind", metavar="KIND", help="restart, start, stop, oom, health, deployment, config_revision, …"),
            _option("--subject", metavar="NAME", help="only what happened to this container, unit, card or file"),
            _option("--source", metavar="ID", help="only what this target told, or: annotation"),
            *_SPAN,
            _ENVIRONMENT,
            *_PAGE,
        ),
    ),
    Command(("doctor",), "say what is wrong and how to mend it", "doctor:doctor", (_JSON,)),
    Command(("config", "check"), "check the configuration", "config:check"),
    Command(("config", "show"), "show the effective configuration, secrets masked", "config:show", (_JSON,)),
    Command(
        ("config", "files"),
        "list configuration files of the stack, or show one: secrets masked, changes, drift against what runs",
        "config_files:files",
        (
            _option("name", metavar="NAME", nargs="?", help="one file: its path, name or id"),
            _option("--kind", metavar="KIND", help="litellm, model_mappings, providers, systemd or other"),
            _option("--gateway", metavar="NAME", help="only those of this gateway"),
            _option("--state", metavar="STATE", help="read, missing, unreadable or invalid"),
            _option("--drift", metavar="WORD", help="same, differs, unknown or none"),
            _ENVIRONMENT,
            *_PAGE,
        ),
    ),
    Command(("store", "stats"), "show the history on disk, day by day", "store:stats", (_JSON,)),
    Command(("store", "check"), "verify every chunk of the history", "store:check"),
    Command(
        ("store", "compact"),
        "give free pages back",
        "store:compact",
        (_option("--day", metavar="YYYY-MM-DD", help="one day only"),),
    ),
    Command(("store", "remap"), "rebuild the canonical series from the native ones", "store:remap"),
    Command(
        ("rules", "export"),
        "print alert rules, or the canonical mapping as recording rules, for Prometheus or Grafana",
        "rules:export",
        (
            _option(
                "what",
                metavar="WHAT",
                nargs="?",
                default="recording",
                choices=RULE_FILES,
                help="recording, alerts, alerts-canonical, alerts-stack, alerts-slo, alerts-gateway-slo, maintenance "
                "or all (recording)",
            ),
            _option("--out", metavar="DIR", help="write files into this folder; needed for all"),
            _option("--grafana", action="store_true", help="for Grafana-managed alerting, as a provisioning file"),
            _option("--datasource", metavar="UID", default="prometheus", help="with --grafana: its data source"),
        ),
    ),
    Command(
        ("rules", "check"),
        "check rule files, or our own with your values, against what sources expose",
        "rules:check",
        (
            _option("files", metavar="FILE", nargs="*", help="rule files of Prometheus; our own rules where absent"),
            _option("--label", metavar="NAME", action="append", default=[], help="a label that your targets have"),
        ),
    ),
    Command(
        ("rules", "test"),
        "run unit tests of rules, in promtool's format, over our own engine",
        "rules:test",
        (
            _option("files", metavar="FILE", nargs="+", help="files of unit tests"),
            _option("--prometheus", choices=("2", "3"), default="3", help="whose windows: [ ] of 2 or ( ] of 3 (3)"),
        ),
    ),
    Command(("rules", "values"), "list the alert rules with their values as they are in force", "rules:values"),
    Command(("dashboards", "list"), "list the dashboards, your own among them", "dashboards:list_all", (_JSON,)),
    Command(
        ("dashboards", "check"),
        "check every query, label, unit, variable and link of dashboards; 1 where one is wrong",
        "dashboards:check",
        (
            _option("files", metavar="FILE", nargs="*", help="dashboard files; all dashboards where absent"),
            _option("--label", metavar="NAME", action="append", default=[], help="a label of your targets; repeatable"),
            _JSON,
        ),
    ),
    Command(
        ("dashboards", "show"),
        "print what a dashboard shows",
        "dashboards:show",
        (
            _option("uid", metavar="UID", help="inferdeck dashboards list"),
            _option("--range", metavar="SPAN", default="", help="how far back from now, for example 6h"),
            _option("--var", metavar="NAME=VALUE", action="append", default=[], help="a variable's value; repeatable"),
            _option("--panel", metavar="ID", action="append", default=[], help="only this panel; repeatable"),
            _option("--format", choices=("text", "json", "csv"), default="text", help="text where absent"),
        ),
    ),
    Command(
        ("snapshot", "save"),
        "write the figures of all dashboards to a file, to compare with later",
        "snapshot:save",
        (
            _option("file", metavar="FILE", nargs="?", default="", help="named after the time where absent; - prints"),
            _option("--dashboard", metavar="UID", action="append", default=[], help="only this one; repeatable"),
            _option("--range", metavar="SPAN", default="15m", help="figures are means over so long (15m)"),
        ),
    ),
    Command(
        ("snapshot", "diff"),
        "show which figures differ between two snapshots, or between one and now; 1 where some do",
        "snapshot:diff",
        (
            _option("before", metavar="BEFORE", help="file of inferdeck snapshot save"),
            _option("after", metavar="AFTER", nargs="?", default="", help="another one; now where absent"),
            _option("--least", type=float, default=1.0, metavar="PERCENT", help="leave out smaller changes (1)"),
            _JSON,
        ),
    ),
    Command(
        ("grafana", "export"),
        "write the dashboards for Grafana, with what provisions them there and in Kubernetes",
        "grafana:export",
        (
            _option("files", metavar="FILE", nargs="*", help="dashboard files; all dashboards where absent"),
            _option("--out", metavar="DIR", required=True, help="folder to write to; made where it is missing"),
            _option("--wrap", action="store_true", help="in the form that Grafana's API takes; without provisioning"),
            _option("--cluster", action="store_true", help="with a variable cluster, to which every query is narrowed"),
        ),
    ),
    Command(
        ("grafana", "push"),
        "hand the dashboards to a running Grafana; its token: GRAFANA_TOKEN or --token-file",
        "grafana:push",
        (
            _option("address", metavar="URL", help="where Grafana answers, such as http://localhost:3000"),
            _option("files", metavar="FILE", nargs="*", help="dashboard files; all dashboards where absent"),
            _option("--token-file", metavar="PATH", help="file that holds the token of a service account"),
            _option("--folder", metavar="UID", default="", help="uid of a folder in Grafana"),
            _option("--cluster", action="store_true", help="with a variable cluster, to which every query is narrowed"),
        ),
    ),
    Command(
        ("grafana", "validate"),
        "check that dashboards will import: ids, data source, units, grid, variables",
        "grafana:validate",
        (_option("files", metavar="FILE", nargs="*", help="exported .json files; a fresh export where absent"),),
    ),
    Command(
        ("grafana", "lint"),
        "read anybody's dashboards and rules against what targets expose: dead names, wrong sums and units",
        "grafana_lint:lint",
        (
            _option("files", metavar="FILE", nargs="+", help="dashboards (.json) and rule files (.yaml)"),
            _option("--metrics", metavar="FILE", action="append", default=[], help="a saved /metrics page; repeatable"),
            _option("--offline", action="store_true", help="ask no daemon; only the catalogs and --metrics"),
            _option("--all", action="store_true", help="also advice, and what may simply not have happened yet"),
            _JSON,
        ),
    ),
    Command(("simulate", "scenarios"), "list the scenarios of the simulator", "simulate:scenarios", (_JSON,)),
    Command(
        ("simulate", "describe"),
        "show what happens in a scenario and what an observer ought to conclude",
        "simulate:describe",
        (_option("scenario", metavar="SCENARIO", help="its name or file"), _JSON),
    ),
    Command(
        ("simulate", "check"),
        "check scenario and fleet files",
        "simulate:check",
        (_option("files", metavar="FILE", nargs="+", help="a scenario or fleet as YAML"), _JSON),
    ),
    Command(
        ("simulate", "serve"),
        "let a simulated fleet listen on loopback until Ctrl-C, and print the configuration that watches it",
        "simulate_serve:serve",
        (
            _option("scenario", metavar="SCENARIO", nargs="?", default="calm-day", help="its name or file (calm-day)"),
            _option("--speed", type=float, metavar="N", help="how many times as fast as the clock (1)"),
            _option(
                "--at", metavar="TIME", help="so far into the scenario: 20m, or a time such as 2026-03-04T09:20:00Z"
            ),
            _option("--frozen", action="store_true", help="time stands still: at --at, or at the scenario's end"),
            _option(
                "--port",
                type=int,
                metavar="BASE",
                default=0,
                help="the first of consecutive ports; free ones where absent",
            ),
            _option("--folder", metavar="DIR", help="where the Docker sockets and the programs' log files go"),
            _JSON,
        ),
    ),
    Command(
        ("completion",),
        "print the completion script of a shell",
        "completion:completion",
        (_option("shell", choices=SHELLS, help="which shell"),),
    ),
)
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
