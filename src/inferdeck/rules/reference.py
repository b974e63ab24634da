"""The generated part of docs/rules.md: every alert rule with its values, and the values that several share."""

from __future__ import annotations

from inferdeck.query.promql.literals import float_text
from inferdeck.rules import loader
from inferdeck.rules.definition import Alert, Scalar, Value
from inferdeck.rules.site import PREFIX

BEGIN = "<!-- generated: rules -->"
END = "<!-- end of generated -->"


def page(text: str) -> str:
    """Return the page with the text between its two markers replaced; raises ValueError where they are missing."""
    head, begin, rest = text.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the page lacks {BEGIN} or {END}")
    return f"{head}{BEGIN}\n\n{reference()}\n{END}{tail}"


def reference() -> str:
    """Return the tables as Markdown."""
    definitions = loader.shipped()
    lines: list[str] = []
    for group in definitions.groups:
        lines += [f"### {group.title}", "", "| alert | severity | for | values | also as |", "|---|---|---|---|---|"]
        lines += [_row(alert) for alert in group.alerts]
        lines.append("")
    lines += [
        "### Values that several rules share (`rules.values`)",
        "",
        "| name | default | meaning |",
        "|---|---|---|",
    ]
    lines += [
        f"| `{value.name}` | {_shown(value.default)} | {_cell(value.help)} |" for value in definitions.shared.values()
    ]
    return "\n".join([*lines, ""])


def _row(alert: Alert) -> str:
    also = f"`{PREFIX}{alert.name}`" if alert.gateway_expr else "–"
    values = "<br>".join(_value(value) for value in alert.values) or "–"
    return f"| `{alert.name}` | {alert.severity} | {alert.hold} | {values} | {also} |"


def _value(value: Value) -> str:
    return f"`{value.name}` {_shown(value.default)}: {_cell(value.help)}"


def _shown(value: Scalar) -> str:
    return f"`{_cell(value if isinstance(value, str) else float_text(value))}`"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
