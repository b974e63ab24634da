"""Every host that files are written for: what it is, how its files are made, and where they and a line of ours go."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from inferdeck.faces.hosts import bars, multiplexer, panes, scripts
from inferdeck.faces.hosts.wanted import Hook, Wanted, Written


@dataclass(frozen=True, slots=True)
class Place:
    """Where things go for one user; all absolute."""

    home: Path
    config: Path

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> Place:
        """Return that of the environment, by the XDG specification."""
        home = Path.home()
        config = Path(environ.get("XDG_CONFIG_HOME") or "")
        return cls(home, config if config.is_absolute() else home / ".config")

    @property
    def usual(self) -> Path:
        """The folder for files that no host looks for by itself."""
        return self.config / "inferdeck" / "hosts"


Find = Callable[[Place], Path]
MakeHook = Callable[[Place, Wanted, Path], Hook]


@dataclass(frozen=True, slots=True)
class Host:
    """One host. folder: where installing puts its files; hook: what installing adds to a file of the user's."""

    name: str
    about: str
    make: Callable[[Wanted], Written]
    folder: Find = lambda place: place.usual
    hook: MakeHook | None = None
    hook_is_all: bool = False
    """The lines that are added are all that there is: the file that is written holds the same."""


def _tmux_hook(place: Place, wanted: Wanted, folder: Path) -> Hook:
    ours = place.config / "tmux" / "tmux.conf"
    file = ours if ours.exists() else place.home / ".tmux.conf"
    return Hook(file, (f'source-file "{folder / multiplexer.TMUX_FILE}"',))


def _starship_hook(place: Place, wanted: Wanted, folder: Path) -> Hook:
    named = Path(os.environ.get("STARSHIP_CONFIG") or "")
    return Hook(named if named.is_absolute() else place.config / "starship.toml", bars.starship_lines(wanted))


def _plugins(place: Place) -> Path:
    support = place.home / "Library" / "Application Support"
    swiftbar, xbar = support / "SwiftBar" / "Plugins", support / "xbar" / "plugins"
    argos = place.config / "argos"
    return next((folder for folder in (swiftbar, xbar, argos) if folder.exists()), swiftbar)


HOSTS = {
    host.name: host
    for host in (
        Host("tmux", "a second status line, and a session in panes", multiplexer.tmux, hook=_tmux_hook),
        Host("screen", "a session in regions", multiplexer.screen),
        Host("watch", "one widget, drawn anew every few seconds", panes.watch),
        Host("sampler", "boxes of text and charts", panes.sampler),
        Host("wtf", "wtfutil: panes", panes.wtf),
        Host("wth", "What The Heck: panes, through its command plug-in", panes.wth, lambda place: place.config),
        Host("waybar", "modules and a style", bars.waybar, lambda place: place.config / "waybar"),
        Host("conky", "text on the desktop", bars.conky),
        Host("starship", "one word in the prompt", bars.starship, hook=_starship_hook, hook_is_all=True),
        Host("swiftbar", "SwiftBar, xbar, Argos: menus in the menu bar", bars.swiftbar, _plugins),
        Host("scripts", "shell scripts, common.sh, a board", scripts.scripts, lambda place: place.usual / "scripts"),
    )
}
