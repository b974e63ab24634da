"""Where widgets are shown: each host has its own syntax, and text from outside never becomes a part of it."""

from __future__ import annotations

from inferdeck.render.hosts import ansi, text
from inferdeck.render.hosts.host import Host

__all__ = ["HOSTS", "Host"]

HOSTS: dict[str, Host] = {one.name: one for one in (text.HOST, ansi.HOST)}
