"""Commands about the history, rules, dashboards, snapshots and Grafana."""

from __future__ import annotations

from inferdeck.cli.commands.form import JSON, Command, option

RULE_FILES = (
    *("recording", "alerts", "alerts-canonical", "alerts-stack", "alerts-slo", "alerts-gateway-slo", "maintenance"),
    "all",
)

COMMANDS: tuple[Command, ...] = (
    Command(("store", "stats"), "show the history on disk, day by day", "store:stats", (JSON,)),
    Command(("store", "check"), "verify every chunk of the history", "store:check"),
    Command(
        ("store", "compact"),
        "give free pages back",
        "store:compact",
        (option("--day", metavar="YYYY-MM-DD", help="one day only"),),
    ),
    Command(("store", "remap"), "rebuild the canonical series from the native ones", "store:remap"),
    Command(
        ("rules", "export"),
        "print alert rules, or the canonical mapping as recording rules, for Prometheus or Grafana",
        "rules:export",
        (
            option(
                "what",
                metavar="WHAT",
                nargs="?",
                default="recording",
                choices=RULE_FILES,
                help="recording, alerts, alerts-canonical, alerts-stack, alerts-slo, alerts-gateway-slo, maintenance "
                "or all (recording)",
            ),
            option("--out", metavar="DIR", help="write files into this folder; needed for all"),
            option("--grafana", action="store_true", help="for Grafana-managed alerting, as a provisioning file"),
            option("--datasource", metavar="UID", default="prometheus", help="with --grafana: its data source"),
        ),
    ),
    Command(
        ("rules", "check"),
        "check rule files, or our own with your values, against what sources expose",
        "rules:check",
        (
            option("files", metavar="FILE", nargs="*", help="rule files of Prometheus; our own rules where absent"),
            option("--label", metavar="NAME", action="append", default=[], help="a label that your targets have"),
        ),
    ),
    Command(
        ("rules", "test"),
        "run unit tests of rules, in promtool's format, over our own engine",
        "rules:test",
        (
            option("files", metavar="FILE", nargs="+", help="files of unit tests"),
            option("--prometheus", choices=("2", "3"), default="3", help="whose windows: [ ] of 2 or ( ] of 3 (3)"),
        ),
    ),
    Command(("rules", "values"), "list the alert rules with their values as they are in force", "rules:values"),
    Command(("dashboards", "list"), "list the dashboards, your own among them", "dashboards:list_all", (JSON,)),
    Command(
        ("dashboards", "check"),
        "check every query, label, unit, variable and link of dashboards; 1 where one is wrong",
        "dashboards:check",
        (
            option("files", metavar="FILE", nargs="*", help="dashboard files; all dashboards where absent"),
            option("--label", metavar="NAME", action="append", default=[], help="a label of your targets; repeatable"),
            JSON,
        ),
    ),
    Command(
        ("dashboards", "show"),
        "print what a dashboard shows",
        "dashboards:show",
        (
            option("uid", metavar="UID", help="inferdeck dashboards list"),
            option("--range", metavar="SPAN", default="", help="how far back from now, for example 6h"),
            option("--var", metavar="NAME=VALUE", action="append", default=[], help="a variable's value; repeatable"),
            option("--panel", metavar="ID", action="append", default=[], help="only this panel; repeatable"),
            option("--format", choices=("text", "json", "csv"), default="text", help="text where absent"),
        ),
    ),
    Command(
        ("snapshot", "save"),
        "write the figures of all dashboards to a file, to compare with later",
        "snapshot:save",
        (
            option("file", metavar="FILE", nargs="?", default="", help="named after the time where absent; - prints"),
            option("--dashboard", metavar="UID", action="append", default=[], help="only this one; repeatable"),
            option("--range", metavar="SPAN", default="15m", help="figures are means over so long (15m)"),
        ),
    ),
    Command(
        ("snapshot", "diff"),
        "show which figures differ between two snapshots, or between one and now; 1 where some do",
        "snapshot:diff",
        (
            option("before", metavar="BEFORE", help="file of inferdeck snapshot save"),
            option("after", metavar="AFTER", nargs="?", default="", help="another one; now where absent"),
            option("--least", type=float, default=1.0, metavar="PERCENT", help="leave out smaller changes (1)"),
            JSON,
        ),
    ),
    Command(
        ("grafana", "export"),
        "write the dashboards for Grafana, with what provisions them there and in Kubernetes",
        "grafana:export",
        (
            option("files", metavar="FILE", nargs="*", help="dashboard files; all dashboards where absent"),
            option("--out", metavar="DIR", required=True, help="folder to write to; made where it is missing"),
            option("--wrap", action="store_true", help="in the form that Grafana's API takes; without provisioning"),
            option("--cluster", action="store_true", help="with a variable cluster, to which every query is narrowed"),
        ),
    ),
    Command(
        ("grafana", "push"),
        "hand the dashboards to a running Grafana; its token: GRAFANA_TOKEN or --token-file",
        "grafana:push",
        (
            option("address", metavar="URL", help="where Grafana answers, such as http://localhost:3000"),
            option("files", metavar="FILE", nargs="*", help="dashboard files; all dashboards where absent"),
            option("--token-file", metavar="PATH", help="file that holds the token of a service account"),
            option("--folder", metavar="UID", default="", help="uid of a folder in Grafana"),
            option("--cluster", action="store_true", help="with a variable cluster, to which every query is narrowed"),
        ),
    ),
    Command(
        ("grafana", "validate"),
        "check that dashboards will import: ids, data source, units, grid, variables",
        "grafana:validate",
        (option("files", metavar="FILE", nargs="*", help="exported .json files; a fresh export where absent"),),
    ),
    Command(
        ("grafana", "lint"),
        "read anybody's dashboards and rules against what targets expose: dead names, wrong sums and units",
        "grafana_lint:lint",
        (
            option("files", metavar="FILE", nargs="+", help="dashboards (.json) and rule files (.yaml)"),
            option("--metrics", metavar="FILE", action="append", default=[], help="a saved /metrics page; repeatable"),
            option("--offline", action="store_true", help="ask no daemon; only the catalogs and --metrics"),
            option("--all", action="store_true", help="also advice, and what may simply not have happened yet"),
            JSON,
        ),
    ),
)
