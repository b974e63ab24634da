"""Trees of routes: nothing is said twice, no name is broken, nothing of a chain is cut."""

from __future__ import annotations

import pytest

from inferdeck.cli.routes import tree
from inferdeck.cli.text import Page, width
from inferdeck.model.answers import Number
from inferdeck.model.stack import Chain, DeploymentEdge, Link, Route


def known(name: str, *evidence: str, host: str = "gpu-1") -> Link:
    return Link("known", name, name, host, evidence)


def route(*, engine: Link, container: Link, process: Link, gpus: tuple[Link, ...]) -> Route:
    given = ("default", "gate", "d1", "coder", "openai", "openai/coder", "http://h:8080/v1")
    chain = Chain(*given, known("h:8080", "api_base is http://h:8080/v1"), engine, container, process, gpus)
    none = Number()
    edge = DeploymentEdge("d1", "openai", "openai/coder", "", "", "", "gateway", "active", "", none, none, chain)
    return Route("default", "gate", "coder", "gateway", "", "active", none, none, (edge,), ())


def drawn(one: Route, columns: int, *, evidence: bool) -> list[str]:
    page = Page(columns, colour=False)
    tree(page, [one], evidence=evidence)
    return page.lines()


def told(lines: list[str]) -> str:
    return " ".join(" ".join(lines).replace("│", " ").split())


def test_evidence_of_several_links_is_said_once() -> None:
    lost = Link("unknown", evidence=("nothing that is watched is at h:8080",))
    text = told(drawn(route(engine=lost, container=lost, process=lost, gpus=(lost,)), 200, evidence=True))
    assert text.count("nothing that is watched is at") == 1
    assert "engine, container, process, card: nothing that is watched is at h:8080" in text
    gpus = tuple(known(f"GPU {number} of gpu-1", "docker gave the container all cards") for number in range(8))
    some = known("e", "because")
    text = told(drawn(route(engine=some, container=some, process=some, gpus=gpus), 200, evidence=True))
    assert text.count("docker gave the container all cards") == 1
    assert "cards: docker gave" in text


@pytest.mark.parametrize("columns", [40, 60, 80])
def test_a_chain_goes_on_in_further_lines_and_breaks_no_name(columns: int) -> None:
    one = route(
        engine=known("llamacpp-coder", "read at h:8080"),
        container=known("llamacpp-coder-large-7b", "docker publishes it"),
        process=Link("known", "llama-server", "1425551", "gpu-1", ("its cgroup is container llamacpp-coder-7b",)),
        gpus=(known("GPU 0 of gpu-1", "lists it"),),
    )
    lines = drawn(one, columns, evidence=True)
    assert all(width(line) <= columns for line in lines)
    chain = "→ llamacpp-coder → container llamacpp-coder-large-7b → PID 1425551 → GPU 0 of gpu-1"
    assert chain in told(lines)
    for name in ("llamacpp-coder-large-7b", "llamacpp-coder-7b"):
        assert any(name in line for line in lines)
