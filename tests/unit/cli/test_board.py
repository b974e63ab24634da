"""The status page at 80 and 120 columns, with everything, with nothing, and with names that attack."""

from __future__ import annotations

from dataclasses import replace

import pytest

from inferdeck.cli import board
from inferdeck.cli.text import Page, width
from inferdeck.model.annotations import Event
from inferdeck.model.answers import Discovered, Finding, NotFound, Status
from inferdeck.model.target import Health
from inferdeck.query import status
from tests.unit.query.stack import around, counter, filled, receiver, series, state

EVIL = "\x1b[2J\x1b]0;owned\x07"


def answer(name: str = "gate") -> Status:
    """Return a status with a gateway, an engine, a Redis, a host and a target that is down."""
    gateway = {"job": "litellm", "instance": "g:4000", "gateway": "g:4000"}
    store = filled(
        {
            series("llm_requests_total", **gateway, provider=name, status="success"): counter(2.0),
            series("llm_tokens_used_total", **gateway, token_type="input"): counter(100.0),
            series("redis_memory_used_bytes", job="redis", instance="r:6379"): [2e6] * 21,
            series("node_load1", job="host", instance="h"): [1.5] * 21,
        }
    )
    states = (
        state("litellm", "g:4000", name=name, version=name),
        state("llamacpp", "e:8080", health=Health.DOWN, last_error=f"http://e:8080: {name} refused", last_success_ms=0),
    )
    found = status.status(store, around(*states), ())
    finding = Finding("x", "error", name, f"{name} is broken", fix=f"mend {name}")
    return replace(
        found,
        advice=(finding,) * 7,
        found=(Discovered("", "127.0.0.1:1", name, (), watched=False, note=name, fix=f"add {name}", container=name),),
        not_found=(NotFound("vllm", name),),
        changes=(Event(1, found.time - 300, "restart", name, f"{name} was restarted", "d", "default", found.time),),
    )


@pytest.mark.parametrize("columns", [80, 120])
def test_every_line_fits_except_what_must_be_copied(columns: int) -> None:
    page = Page(columns, colour=False)
    board.draw(page, answer())
    assert all(width(line) <= columns or line.startswith("    ") for line in page.lines())
    for title in (
        "SERVICES",
        "GATEWAYS",
        "PROVIDERS",
        "ENGINES",
        "CACHES",
        "HOSTS",
        "CHANGED LAST",
        "ADVICE",
        "INFERDECK",
    ):
        assert title in page.text()
    assert "tokens of g:4000: input 100 tok/s" in page.text()
    assert "and 2 more" in page.text()
    assert "5 min ago  restart  gate was restarted" in page.text()


def test_nothing_raw_from_outside_reaches_the_terminal() -> None:
    page = Page(100, colour=False)
    board.draw(page, answer(EVIL))
    assert "\x1b" not in page.text()
    assert "\x07" not in page.text()
    assert "\\x1b[2J" in page.text()


def test_what_was_found_and_is_not_watched_comes_with_its_line_and_what_was_not_found_is_named() -> None:
    found = (
        Discovered(
            "litellm", "127.0.0.1:4000", "litellm", ("a", "b"), watched=True, note="needs a key", fix="mend gate"
        ),
        Discovered("langfuse", "127.0.0.1:3000", "", ("a", "b"), watched=True, note="needs a key", fix="give it"),
        Discovered("vllm", "127.0.0.1:18000", "docker-proxy", ("a", "b"), watched=False, container="vllm-a"),
        Discovered("redis", "127.0.0.1:6379", "redis-server", ("a", "b"), watched=True),
        *(Discovered("", f"127.0.0.1:{port}", "", (), watched=False, note="unknown") for port in range(9000, 9020)),
    )
    page = Page(120, colour=False)
    board.draw(page, replace(answer(), found=found))
    text = page.text()
    assert "127.0.0.1:18000 (docker-proxy, container vllm-a): vllm is not watched" in text
    assert "    give it" in text
    assert "127.0.0.1:4000" not in text, "advice has its line already"
    assert "127.0.0.1:6379" not in text
    assert "and 14 more; inferdeck sources list shows all" in text
    assert "not found here: vllm (inferdeck sources list" in text


def test_each_remote_write_has_a_line_at_the_end() -> None:
    page = Page(100, colour=False)
    found = (receiver("mimir"), receiver("thanos", error="HTTP 503: away", overflow=7))
    board.draw(page, replace(answer(), remote_write=found))
    text = " ".join(page.text().split("INFERDECK")[1].split())
    assert "remote write to mimir: 120 k samples sent, 1.91 MiB waiting" in text
    assert "remote write to thanos:" in text
    assert "7 dropped, NOT SENDING for 1 min 30 s, HTTP 503: away" in text


def test_an_empty_stack_says_so() -> None:
    page = Page(100, colour=False)
    board.draw(page, status.status(filled({series("up"): [1.0]}), around(), ()))
    assert "nothing is watched yet" in page.text()
    assert "0 of 0 services up" in page.text()


def test_upkeep_that_fails_is_shown_although_samples_are_written() -> None:
    found = answer()
    page = Page(120, colour=False)
    board.draw(page, replace(found, store=replace(found.store, trouble="flushing failed")))
    assert "store writing, but flushing failed" in page.text()
