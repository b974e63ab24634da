"""Commands that ask: queries, logs, what happened, what is wrong, configuration."""

from __future__ import annotations

from inferdeck.cli.commands.form import ENVIRONMENT, JSON, LARGEST, PAGE, SPAN, Command, option, whole

COMMANDS: tuple[Command, ...] = (
    Command(
        ("query",),
        "ask a PromQL question; query test FILE … runs test scripts",
        "query:query",
        (
            option("words", metavar="EXPR", nargs="+", help="the expression, or: test FILE …"),
            option("--range", metavar="DURATION", help="over this long before --at, such as 1h"),
            option("--step", metavar="DURATION", help="time between points; about 250 of them where absent"),
            option("--at", metavar="TIME", help="Unix seconds or 2026-01-31T12:00:00Z; now where absent"),
            option("--format", choices=("table", "json", "csv", "chart"), default="table", help="how to print (table)"),
            option("--skipped", action="store_true", help="with test: list what was skipped and why"),
        ),
    ),
    Command(
        ("logs",),
        "show what the programs of the stack wrote: files, the journal, containers",
        "logs:logs",
        (
            option("stream", metavar="STREAM", nargs="*", help="streams by name or a part of it; all where absent"),
            option("-g", "--grep", metavar="TEXT", action="append", default=[], help="only lines with this text"),
            option("-x", "--exclude", metavar="TEXT", action="append", default=[], help="only lines without it"),
            option("-l", "--level", metavar="LEVEL", help="trace, debug, info, warning, error or critical, and worse"),
            option("--around", metavar="TIME", help="the lines before and after a moment"),
            option("--since", metavar="TIME", help="12:30, 2026-01-31T12:00:00Z, Unix seconds, or 15m: so long ago"),
            option("--until", metavar="TIME", help="the same"),
            option("-n", "--lines", type=whole(1, 2000), metavar="N", help="the newest N (200), 2000 at most"),
            option("-B", "--before", type=whole(0, 2000), metavar="N", help="with --around: lines before it (50)"),
            option("-A", "--after", type=whole(0, 2000), metavar="N", help="with --around: lines after it (50)"),
            option("-f", "--follow", action="store_true", help="go on with what is written until Ctrl-C"),
            option("--streams", action="store_true", help="list the streams"),
            JSON,
        ),
    ),
    Command(
        ("annotate",),
        "note a deployment, or anything else that happened, for charts and for later",
        "annotate:annotate",
        (
            option("text", metavar="TEXT", help="what happened, in words"),
            option("--kind", metavar="KIND", help="deployment, config_revision, budget, restart, or any word (note)"),
            option("--tag", metavar="WORD", action="append", default=[], help="a word to find it by; may be repeated"),
            option("--at", metavar="TIME", help="2026-01-31T12:00:00Z, Unix seconds, or 15m for that long ago (now)"),
            option("--until", metavar="TIME", help="its end, where it lasted, in the same forms"),
            option("--environment", metavar="NAME", help="the environment that it is about"),
            JSON,
        ),
    ),
    Command(
        ("annotations", "list"),
        "list annotations, the newest first",
        "annotate:list_all",
        (
            option("--kind", metavar="KIND", help="only of this kind"),
            option("--tag", metavar="WORD", help="only with this tag"),
            *SPAN,
            ENVIRONMENT,
            *PAGE,
        ),
    ),
    Command(
        ("annotations", "delete"),
        "delete an annotation",
        "annotate:delete",
        (option("number", metavar="ID", type=whole(1, LARGEST), help="its number in annotations list"), JSON),
    ),
    Command(
        ("events",),
        "list what happened in the stack, the newest first: restarts, deployments, changed configuration, annotations",
        "events:events",
        (
            option("--kind", metavar="KIND", help="restart, start, stop, oom, health, deployment, config_revision, …"),
            option("--subject", metavar="NAME", help="only what happened to this container, unit, card or file"),
            option("--source", metavar="ID", help="only what this target told, or: annotation"),
            *SPAN,
            ENVIRONMENT,
            *PAGE,
        ),
    ),
    Command(("doctor",), "say what is wrong and how to mend it", "doctor:doctor", (JSON,)),
    Command(("config", "check"), "check the configuration", "config:check"),
    Command(("config", "show"), "show the effective configuration, secrets masked", "config:show", (JSON,)),
    Command(
        ("config", "files"),
        "list configuration files of the stack, or show one: secrets masked, changes, drift against what runs",
        "config_files:files",
        (
            option("name", metavar="NAME", nargs="?", help="one file: its path, name or id"),
            option("--kind", metavar="KIND", help="litellm, model_mappings, providers, systemd or other"),
            option("--gateway", metavar="NAME", help="only those of this gateway"),
            option("--state", metavar="STATE", help="read, missing, unreadable or invalid"),
            option("--drift", metavar="WORD", help="same, differs, unknown or none"),
            ENVIRONMENT,
            *PAGE,
        ),
    ),
)
