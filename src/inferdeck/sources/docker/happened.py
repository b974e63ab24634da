"""From the daemon's events to what happened: each told once, in words of ours, with nothing but allowed attributes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from inferdeck.model.happening import Happening
from inferdeck.sources.docker.answers import name, number, text
from inferdeck.sources.docker.container import HEALTHS, ID_DIGITS

ACTIONS = (
    "create",
    "start",
    "die",
    "stop",
    "kill",
    "oom",
    "restart",
    "pause",
    "unpause",
    "destroy",
    "rename",
    "health_status",
    "died",
    "remove",
)
"""The only events that are asked for, Podman's own words the last two; those of `exec` carry command lines."""
_PLAIN = {
    "create": ("create", "created"),
    "start": ("start", "started"),
    "stop": ("stop", "stopped"),
    "oom": ("oom", "ran out of memory"),
    "restart": ("restart", "was restarted"),
    "pause": ("pause", "was paused"),
    "unpause": ("unpause", "goes on after a pause"),
    "destroy": ("destroy", "was removed"),
    "rename": ("rename", "was renamed"),
}
_PODMAN = {"died": "die", "remove": "destroy"}
SAME_SHORTAGE_SECONDS = 10.0
_ENDING = frozenset({"2", "3", "9", "15", "INT", "QUIT", "KILL", "TERM"})
_ATTRIBUTES = ("name", "image", "exitCode", "signal", "health_status")


@dataclass(slots=True)
class Story:
    """What the events of one daemon say, one by one: it remembers which container ended by itself, and its image."""

    source: str
    _ended: dict[str, str] = field(default_factory=dict)
    """Exit code by id, of those that nobody stopped."""
    _asked: dict[str, str] = field(default_factory=dict)
    """What asked those to end that were asked since they started: "kill" or "restart"."""
    _replaced: set[str] = field(default_factory=set)
    """Those that were started again after such a signal."""
    _images: dict[str, str] = field(default_factory=dict)
    """By name: what the container of this name last ran."""
    _ooms: dict[str, float] = field(default_factory=dict)
    """When each ran out of memory last."""

    def tell(self, event: Any) -> list[Happening]:
        """Return what one event of /events means; nothing where it means nothing here."""
        action, _, detail = text(event, "Action").partition(":")
        action, detail = _PODMAN.get(action, action), detail.strip()
        time, container = event_time(event) / 1e9, text(event, "Actor", "ID")
        attributes = {key: text(event, "Actor", "Attributes", key) for key in _ATTRIBUTES}
        subject = name(attributes["name"].removeprefix("/")) or container[:ID_DIGITS]
        if not time or not subject or text(event, "Type") not in ("container", ""):
            return []
        image = name(attributes["image"])
        facts = {"id": container[:ID_DIGITS]} | ({"image": image} if image else {})
        found = self._read(action, detail, container, attributes)
        if found is None or (action == "oom" and self._repeated(container, time)):
            return []
        kind, words, more = found
        told = [Happening(time, kind, subject, f"{subject} {words}", self.source, facts | more)]
        if action in ("create", "start"):
            told += self._deployed(time, subject, image, facts)
        return told

    def knows(self, subject: str, image: str) -> None:
        """Remember what a container runs that was there before any event was heard."""
        self._images.setdefault(subject, image)

    def _read(
        self, action: str, detail: str, container: str, attributes: Mapping[str, str]
    ) -> tuple[str, str, dict[str, str]] | None:
        if action == "restart" and container not in self._replaced:
            # Podman says it before it ends the container without a word of a signal, Docker when it runs again.
            self._asked[container] = action
        if action == "die":
            return self._died(container, attributes["exitCode"])
        if action == "kill":
            return self._killed(container, attributes["signal"])
        if action == "health_status":
            health = detail or attributes["health_status"]
            return ("health", f"is {health}", {"health": health}) if health in HEALTHS else None
        if action == "start":
            self._replaced.discard(container)
            if self._asked.pop(container, "") == "kill":
                self._replaced.add(container)
            code = self._ended.pop(container, None)
            if code is not None:
                return "restart", f"was started again after it had ended with exit code {code}", {"exit_code": code}
        if action == "destroy":
            self._ended.pop(container, None)
            self._asked.pop(container, None)
            self._ooms.pop(container, None)
            self._replaced.discard(container)
        return (*_PLAIN[action], {}) if action in _PLAIN else None

    def _killed(self, container: str, raw: str) -> tuple[str, str, dict[str, str]]:
        signal = raw if re.fullmatch(r"[A-Z0-9+]{1,12}", raw) else ""
        if signal.removeprefix("SIG") in _ENDING:
            self._asked[container] = "kill"
        return "kill", f"was sent signal {signal}".rstrip(), {"signal": signal} if signal else {}

    def _repeated(self, container: str, time: float) -> bool:
        """Return whether this is the same shortage as before: with cgroup v1 every failed page is an event."""
        before = self._ooms.get(container, 0.0)
        self._ooms[container] = time
        return time - before < SAME_SHORTAGE_SECONDS

    def _died(self, container: str, raw: str) -> tuple[str, str, dict[str, str]]:
        code = raw if re.fullmatch(r"-?\d{1,6}", raw) else ""
        if container not in self._asked:
            self._ended[container] = code or "unknown"
        return "die", f"ended with exit code {code}" if code else "ended", {"exit_code": code} if code else {}

    def _deployed(self, time: float, subject: str, image: str, facts: Mapping[str, str]) -> list[Happening]:
        before = self._images.get(subject, "")
        if image:
            self._images[subject] = image
        if not before or not image or before == image:
            return []
        words = f"{subject} runs {image} instead of {before}"
        return [Happening(time, "deployment", subject, words, self.source, {**facts, "image_before": before})]


def event_time(event: Any) -> int:
    """Return the Unix nanoseconds of an event, 0 where it has no time."""
    nanos, whole = number(event, "timeNano"), number(event, "time")
    # As an integer: a float would lose the last digits, which tell two events apart.
    raw = event.get("timeNano") if isinstance(event, dict) else None
    return raw if isinstance(raw, int) else int(nanos or (whole or 0.0) * 1e9)
