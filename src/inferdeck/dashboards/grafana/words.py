"""Plain words of ours as Grafana shows them: descriptions and text panels are Markdown there, titles hold variables."""

from __future__ import annotations

import re

from inferdeck.model.dashboard import Empty, Panel, PanelKind

_SIGNS = re.compile(r"([\\`*_\[\]<>#|~!])")
_FIRST = re.compile(r"(?m)^(\s*)([-+=]|\d+[.)])")
INSTEAD = {
    PanelKind.TAGCLOUD: "Grafana shows this cloud of words as bars.",
    PanelKind.GRAPH: "Grafana has no such graph; inferdeck draws it.",
}


def markdown(text: str) -> str:
    """Return text whose signs mean nothing to Markdown or HTML."""
    return _FIRST.sub(r"\1\\\2", _SIGNS.sub(r"\\\1", text.replace("&", "&amp;")))


def description(panel: Panel) -> str:
    """Return what stands behind the little i of a panel: its help, and what it means that it is empty."""
    parts = [markdown(panel.help), INSTEAD.get(panel.kind, "") if panel.queries else ""]
    if panel.empty.reason and panel.queries:
        parts.append(f"Empty: {markdown(sentence(panel.empty))}")
    return "\n\n".join(part for part in parts if part)


def sentence(empty: Empty) -> str:
    """Return why a panel is empty and what to do, on one line."""
    return " ".join(part.strip() for part in (empty.reason, empty.next) if part.strip())


def instead(panel: Panel) -> str:
    """Return the Markdown of a panel that Grafana cannot draw from PromQL: what it is, and where it is seen."""
    if panel.kind is PanelKind.TEXT:
        return panel.content
    told = "Grafana cannot ask this in PromQL; inferdeck shows it."
    lines = [markdown(panel.help), sentence(panel.empty) and markdown(sentence(panel.empty)), told]
    return "\n\n".join(line for line in lines if line)
