"""What is asked of a daemon."""

from __future__ import annotations

from inferdeck.model.metric import SideEffect
from inferdeck.sources.interface import Probe

PROBES = (
    Probe("version", "GET /version", SideEffect.NONE, "once, and again after a failure"),
    Probe("info", "GET /info", SideEffect.NONE, "as often, for the name of its machine"),
    Probe(
        "containers", "GET /containers/json?all=1", SideEffect.NONE, "without sizes, which would cost a walk of disks"
    ),
    Probe("inspect", "GET /containers/ID/json", SideEffect.NONE, "where something changed, and now and then"),
    Probe("stats", "GET /containers/ID/stats?stream=false&one-shot=true", SideEffect.NONE, "of running ones, in turns"),
    Probe("events", "GET /events", SideEffect.NONE, "one open stream of containers' events, without those of exec"),
    Probe("logs", "GET /containers/ID/logs", SideEffect.NONE, "the beginning of engines' logs until they are ready"),
    Probe(
        "lines",
        "GET /containers/ID/logs?since=",
        SideEffect.NONE,
        "where somebody asks for log lines; while they are followed once per second for all who do, "
        "where nothing comes every 5 s",
    ),
)
