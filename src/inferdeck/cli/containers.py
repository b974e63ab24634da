"""`inferdeck containers`: what the watched Dockers run."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from inferdeck.cli import daemons
from inferdeck.cli.stack_words import cards, empty, link, old, paging, show, stale, told, whole
from inferdeck.cli.text import Cell, Page
from inferdeck.client.tiny import Client
from inferdeck.model import numbers
from inferdeck.model.stack import StackContainer

ADD = "inferdeck sources add docker unix:///var/run/docker.sock"
STYLES = {"running": "green", "exited": "dim", "created": "dim", "restarting": "red", "dead": "red", "paused": "yellow"}
HEALTHS = {"healthy": "green", "unhealthy": "red", "starting": "yellow"}


def containers(options: argparse.Namespace) -> int:
    """List containers."""
    client = daemons.client(options)
    found = client.containers(
        state=options.state or "",
        health=options.health or "",
        environment=options.environment or "",
        host=options.host or "",
        project=options.project or "",
        **paging(options),
    )
    if empty(options, found, lambda: _reason(client)):
        return 0
    return show(options, found, draw)


def _reason(client: Client) -> tuple[str, str]:
    dockers = [one.service for one in client.sources().sources if one.service.kind == "docker"]
    if not dockers:
        return "No Docker is watched, so that no container is known.", ADD
    down = [one for one in dockers if one.health != "up"]
    if down:
        return f"The Docker at {down[0].url} cannot be read: {down[0].error or 'it was not read yet'}", ""
    return "The watched Dockers have no containers.", ""


def _state(one: StackContainer) -> Cell:
    if stale(one.age):
        return old(one.state or numbers.MISSING, one.age)
    return Cell(one.state or numbers.MISSING, STYLES.get(one.state, ""))


def draw(page: Page, found: Sequence[StackContainer]) -> None:
    """Add the table of containers."""
    hosts = len({one.host for one in found}) > 1
    rows = [
        (
            _state(one),
            old(one.health) if stale(one.age) and one.health else Cell(one.health, HEALTHS.get(one.health, "")),
            one.name,
            one.host if hosts else "",
            link(one.service),
            one.engine,
            cards(one.gpus) if one.engine or any(gpu.state == "known" for gpu in one.gpus) else "",
            told(one.cpu, numbers.percent),
            told(one.memory, numbers.byte_size),
            told(one.uptime, numbers.seconds),
            told(one.restarts, whole),
            ", ".join(one.ports),
            one.image,
        )
        for one in found
    ]
    headings = (
        *("STATE", "HEALTH", "NAME", "HOST", "SERVICE", "ENGINE", "GPUS", "CPU", "MEMORY"),
        *("UP", "RESTARTS", "PORTS", "IMAGE"),
    )
    page.table(headings, rows, right="CPU MEMORY UP RESTARTS", spare="IMAGE PORTS ENGINE SERVICE HOST GPUS HEALTH")
