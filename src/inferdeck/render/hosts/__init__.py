"""Where widgets are shown: each host has its own syntax, and text from outside never becomes a part of it."""

from __future__ import annotations

from inferdeck.render.hosts import ansi, conky, json, prom, sampler, starship, text, tmux, waybar, wth, xbar
from inferdeck.render.hosts.host import Host

__all__ = ["HOSTS", "Host"]

HOSTS: dict[str, Host] = {
    one.HOST.name: one.HOST for one in (text, ansi, tmux, waybar, xbar, conky, starship, sampler, wth, json, prom)
}
"""Every host by its name, in the order of model.widget.HOSTS."""
