"""`inferdeck hosts`: files for the programs that show widgets: written, installed after a look, removed."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from inferdeck.cli.text import safe
from inferdeck.errors import UsageError
from inferdeck.faces.hosts import installing
from inferdeck.faces.hosts.installing import Change
from inferdeck.faces.hosts.table import HOSTS, Host, Place
from inferdeck.faces.hosts.wanted import LAYOUTS, Hook, Wanted, Written


def list_all(options: argparse.Namespace) -> int:
    """List the hosts."""
    width = max(map(len, HOSTS))
    for host in HOSTS.values():
        print(f"{host.name:{width}}  {host.about}")
    print("\ninferdeck hosts write HOST writes its files; hosts install HOST puts them in place")
    return 0


def write(options: argparse.Namespace) -> int:
    """Write one host's files into a folder; raises UsageError where something else stands in their way."""
    host, wanted, place = _asked(options)
    written = host.make(wanted)
    folder = _absolute(options.out) if options.out else place.usual
    changes = installing.of_files(folder, written.files)
    foreign = [change for change in changes if change.foreign]
    if foreign and not options.dry_run:
        raise UsageError(f"{foreign[0].path}: exists and is not of inferdeck; choose another folder with --out")
    if options.dry_run:
        _show(changes)
        return 0
    _make(changes)
    _tell(written, folder)
    return 0


def install(options: argparse.Namespace) -> int:
    """Put one host's files and a line of ours in place; raises UsageError where nobody agrees."""
    host, wanted, place = _asked(options)
    written = host.make(wanted)
    folder = host.folder(place)
    hook = _hook(host, wanted, place, folder)
    changes = [] if host.hook_is_all else installing.of_files(folder, written.files)
    if hook is not None:
        changes += installing.of_hook(hook)
    if not _agreed(changes, options):
        return 0
    _make(changes)
    if hook is None or not host.hook_is_all:
        _tell(written, folder)
    return 0


def uninstall(options: argparse.Namespace) -> int:
    """Take all of it away again."""
    host, wanted, place = _asked(options)
    folder = host.folder(place)
    hook = _hook(host, wanted, place, folder)
    changes = installing.without_hook(hook) if hook is not None else []
    if not host.hook_is_all:
        # Whatever layouts were installed; some files are the same in all of them.
        every = [replace(wanted, layout=layout) for layout in LAYOUTS]
        files = {file.path: file for one in every for file in host.make(one).files}
        changes += installing.without_files(folder, tuple(files.values()))
    if _agreed(changes, options):
        _make(changes)
    return 0


def _asked(options: argparse.Namespace) -> tuple[Host, Wanted, Place]:
    # Bars do not have the environment of this shell.
    common = (
        ("--config", options.config or os.environ.get("INFERDECK_CONFIG")),
        ("--data-dir", options.data_dir or os.environ.get("INFERDECK_DATA_DIR")),
        ("--url", options.url or os.environ.get("INFERDECK_URL")),
    )
    # Paths are meant from here, and the commands run from anywhere.
    given = [(name, value if name == "--url" else str(_absolute(value))) for name, value in common if value]
    words = tuple(f"{name}={value}" for name, value in given)
    return HOSTS[options.host], Wanted((_program(options.program),), options.layout, words), Place.of(os.environ)


def _program(named: str) -> str:
    """Return the absolute path of inferdeck: the one that is named, the one that runs, or that on PATH."""
    if named:
        return str(_absolute(named))
    running = Path(sys.argv[0]).absolute()
    found = str(running) if running.name == "inferdeck" else shutil.which("inferdeck")
    if not found:
        raise UsageError("inferdeck is not on PATH; name it with --program")
    return str(Path(found).absolute())


def _hook(host: Host, wanted: Wanted, place: Place, folder: Path) -> Hook | None:
    return host.hook(place, wanted, folder) if host.hook is not None else None


def _absolute(path: str) -> Path:
    return Path(path).expanduser().absolute()


def _show(changes: Sequence[Change]) -> None:
    if not changes:
        print("nothing would change")
    for change in changes:
        for line in change.shown():
            print(safe(line.rstrip("\n").expandtabs(4)))


def _agreed(changes: Sequence[Change], options: argparse.Namespace) -> bool:
    """Show what will change, and ask; raises UsageError where nobody can be asked."""
    if not changes:
        print("nothing to change")
        return False
    _show(changes)
    if options.dry_run:
        return False
    if options.yes:
        return True
    if not sys.stdin.isatty():
        raise UsageError("nothing was changed; to change it without being asked: --yes")
    try:
        answer = input(f"change {len(changes)} file{'s' * (len(changes) > 1)}? [y/N] ")
    except EOFError:
        answer = ""
    if answer.strip().lower() in ("y", "yes"):
        return True
    print("nothing was changed")
    return False


def _make(changes: Sequence[Change]) -> None:
    for change in changes:
        kept = installing.make(change, time.time())
        how = "removed" if change.after is None else "written"
        print(f"{how} {safe(str(change.path))}" + (f", as it was: {safe(str(kept))}" if kept is not None else ""))
    if not changes:
        print("nothing to write: all is as it should be")


def _tell(written: Written, folder: Path) -> None:
    for sentence in written.then:
        print(safe(sentence.replace("{folder}", str(folder))))
