"""Where our dashboards stand in Grafana: uids, file names, the data source, links from one to another."""

from __future__ import annotations

import re
from collections.abc import Iterator
from hashlib import sha256
from urllib.parse import quote

from inferdeck.dashboards.grafana.sdk import common, dashboard
from inferdeck.dashboards.interpolation import REFERENCE
from inferdeck.model.dashboard import Dashboard, Link

TAG = "inferdeck"
UID_LENGTH = 40
DATASOURCE = "datasource"
"""The variable that stands for the data source, so that a file works wherever it is imported or provisioned."""
_PREFIX = "inferdeck-"
_FILE = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,99}\.json")
_NO_WORD = re.compile(r"[^A-Za-z0-9_-]+")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_LABEL = re.compile(r"\{\{\s*([^{}]+?)\s*\}\}")


def source() -> common.DataSourceRef:
    """Return what every panel and variable names as its data source."""
    return common.DataSourceRef(type_val="prometheus", uid=f"${{{DATASOURCE}}}")


def uid(identity: str) -> str:
    """Return a dashboard's uid in Grafana: ours with a prefix, at most 40 characters, of letters, digits, - and _."""
    word = _PREFIX + _NO_WORD.sub("-", identity)
    if len(word) <= UID_LENGTH and word == _PREFIX + identity:
        return word
    return f"{word[: UID_LENGTH - 9]}-{sha256(identity.encode()).hexdigest()[:8]}"


def file_name(one: Dashboard) -> str:
    """Return the name of the export: what the definition says, else the uid; never a path."""
    wanted = one.file or f"{one.uid}.json"
    return wanted if _FILE.fullmatch(wanted) else f"{uid(one.uid)}.json"


def links(found: tuple[Link, ...], *, of_series: bool, table: bool = False) -> list[dashboard.DashboardLink]:
    """Return the links that Grafana can follow: those with a {{label}} belong to a series, the others to the panel.

    Links to native views lead nowhere in Grafana and are left out.
    """
    return [_link(link, table) for link in found if not link.view and of_series == _asks_label(link)]


def _asks_label(link: Link) -> bool:
    return any(_LABEL.search(text) for text in (link.url, *link.variables.values()))


def _link(link: Link, table: bool) -> dashboard.DashboardLink:
    url = f"/d/{uid(link.dashboard)}" if link.dashboard else _labels(link.url, table)
    parameters = [_parameter(name, value, table) for name, value in sorted(link.variables.items())]
    if link.dashboard:
        parameters = ["${__url_time_range}", f"${{{DATASOURCE}:queryparam}}", *parameters]
    if parameters:
        url += ("&" if "?" in url else "?") + "&".join(parameters)
    return dashboard.DashboardLink(title=link.title, url=url, target_blank=not link.dashboard)


def _parameter(name: str, value: str, table: bool) -> str:
    whole = REFERENCE.fullmatch(value)
    if whole is not None and (whole[1] or whole[2] or whole[4]) == name:
        return f"${{{name}:queryparam}}"
    return f"var-{quote(name, safe='')}={''.join(_parts(value, table))}"


def _parts(value: str, table: bool) -> Iterator[str]:
    """Yield a value for a URL: variables and labels filled in by Grafana, everything else quoted."""
    at = 0
    marks = sorted([*REFERENCE.finditer(value), *_LABEL.finditer(value)], key=lambda mark: mark.start())
    for mark in marks:
        if mark.start() < at:
            continue
        yield quote(value[at : mark.start()], safe="")
        if mark[0].startswith("{{"):
            yield _of_label(mark[1], table)
        else:
            yield f"${{{mark[1] or mark[2] or mark[4]}:percentencode}}"
        at = mark.end()
    yield quote(value[at:], safe="")


def _labels(url: str, table: bool) -> str:
    return _LABEL.sub(lambda mark: _of_label(mark[1], table), url)


def _of_label(label: str, table: bool) -> str:
    if not _NAME.fullmatch(label):
        return quote(label, safe="")
    # A row of a table has the labels as its fields, a series has them as labels.
    return f'${{__data.fields["{label}"]:percentencode}}' if table else f"${{__field.labels.{label}:percentencode}}"
