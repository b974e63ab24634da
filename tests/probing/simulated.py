"""The probe before the simulator: a scenario over fleet.yaml, served on loopback, probed against routes.yaml."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from textwrap import indent

from inferdeck.config.document import read as read_document
from inferdeck.model.clock import SystemClock
from inferdeck.probing import bills, cases, cases_file
from inferdeck.probing.access import Access
from inferdeck.probing.cases import Wish
from inferdeck.probing.cases_file import Given
from inferdeck.probing.gateway import learn
from inferdeck.probing.intended import Intended, of_document
from inferdeck.probing.running import Run, total
from inferdeck.probing.sender import Sender, wait_all
from inferdeck.probing.values import Plan, Report, Result
from inferdeck.simulate import changes, scenario
from inferdeck.simulate.pace import Pace
from inferdeck.simulate.serve import Site, serving
from inferdeck.simulate.servers.litellm.identity import MASTER_KEY
from inferdeck.simulate.world import World

HERE = Path(__file__).parent
ROUTES = HERE / "routes.yaml"
SPEED = 60.0
"""A minute of the world a second: its answers take seconds."""


def scenario_file(folder: Path, change: str = "", timeline: str = "") -> Path:
    """Write a scenario whose fleet has these changes, and to which these things are done."""
    file = folder / "probed.yaml"
    (folder / "fleet.yaml").write_text((HERE / "fleet.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    text = "name: probed\ntitle: Probed\nabout: A gateway is probed.\nfleet: ./fleet.yaml\nduration: 1h\n"
    text += f"change:\n{indent(change, '  ')}\n" if change else ""
    text += f"timeline:\n{indent(timeline, '  ')}\n" if timeline else ""
    file.write_text(text, encoding="utf-8")
    return file


def intended() -> Intended:
    """Return what routes.yaml wants."""
    return of_document(read_document(ROUTES), str(ROUTES))


def access(url: str, key: str = MASTER_KEY) -> Access:
    return Access(url, {"Authorization": f"Bearer {key}"}, (key,))


async def probe(
    reach: Access, wanted: Sequence[Intended], given: Given | None = None, wish: Wish | None = None
) -> Report:
    """Probe a gateway as the command does."""
    wish = wish or Wish()
    async with Sender(reach, timeout_seconds=30.0) as sender:
        told = await learn(sender)
        own = cases_file.cases(given, told, wish) if given is not None else ()
        made = cases.make(told, wanted, wish, own)
        bill = bills.bill(made.cases, told, None, 0.0)
        plan = Plan(sender.url, told.simulated, made.cases, total(made.cases), bill, made.left_out, made.notes)
        return await Run(plan, told, sender, lambda sent, of, result: None).go()


async def probed(
    folder: Path,
    change: str = "",
    timeline: str = "",
    *,
    wanted: Sequence[Intended] | None = None,
    given: Given | None = None,
    after: float = 0.0,
) -> Report:
    """Serve a scenario that began `after` seconds ago, and probe its gateway."""
    file = scenario_file(folder, change, timeline)
    async with gateway(file, after) as reach:
        return await probe(reach, [intended()] if wanted is None else wanted, given)


async def probed_scenario(file: Path, wish: Wish) -> Report:
    """Serve a scenario that begins now, and probe its gateway against its own settings."""
    async with gateway(file) as reach:
        return await probe(reach, [], wish=wish)


@asynccontextmanager
async def gateway(file: Path, after: float = 0.0) -> AsyncIterator[Access]:
    """Serve the gateway of a scenario that began `after` seconds ago."""
    found = scenario.load(file)
    clock = SystemClock()
    now = clock.now()
    world = World(found.fleet, seed=7, start=now - after, pace=Pace(clock, speed=SPEED, at=now))
    changes.schedule(world, found.steps)
    async with serving(world) as site, asyncio.timeout(60), hurried(site):
        yield access(site.urls()["litellm"])


@asynccontextmanager
async def hurried(site: Site) -> AsyncIterator[None]:
    """Let the world's events happen as soon as they are due while the block runs."""

    async def tick() -> None:
        while True:
            await asyncio.sleep(0.02)
            await site.refresh()

    task = asyncio.create_task(tick())
    try:
        yield
    finally:
        await wait_all([task])


def by_id(report: Report) -> dict[str, Result]:
    return {one.id: one for one in report.results}
