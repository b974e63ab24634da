"""Try a source once: does it answer, what does it bring; nothing is stored."""

from __future__ import annotations

import asyncio
import time
from typing import Protocol, runtime_checkable

from inferdeck.config.secrets import hide, mask_url, secrets_of
from inferdeck.errors import CollectError, DeadlineError
from inferdeck.model.answers import ProbeAnswer, Trial
from inferdeck.model.clock import Clock
from inferdeck.model.target import Fact
from inferdeck.sources.interface import Collected
from inferdeck.sources.undisturbed import Settled, undisturbed
from inferdeck.sources.watch import Target


@runtime_checkable
class Checkable(Protocol):
    """A source whose collection has a side effect, and which can be checked without."""

    async def check(self) -> list[Fact]:
        """Return what is there, harming nothing."""
        ...


async def attempt(target: Target, kind: str, clock: Clock) -> Trial:
    """Return what one reading of the target brought; a source with a check is checked instead of collected."""
    started = time.monotonic()
    deadline = target.config.deadline or min(target.config.interval, 10.0)
    probes = tuple(
        ProbeAnswer(p.name, p.request, str(p.effect), p.note, p.sent(target.enabled_probes), p.never)
        for p in target.source.probes
    )
    try:
        async with asyncio.timeout(deadline):
            trial = await _read(target, kind, clock.now())
    except TimeoutError:
        message = str(DeadlineError(f"{target.url}: no answer within {deadline:g} s; is it overloaded?"))
        trial = Trial(kind, target.url, ok=False, message=message)
    except CollectError as error:
        trial = Trial(kind, target.url, ok=False, message=str(error))
    finally:
        await target.source.aclose()
    values = {name: getattr(trial, name) for name in Trial.__dataclass_fields__}
    secrets = frozenset(secrets_of(target.config))
    values |= {
        "url": mask_url(trial.url),
        "message": hide(trial.message, secrets),
        "warnings": tuple(hide(text, secrets) for text in trial.warnings),
    }
    return Trial(**{**values, "seconds": time.monotonic() - started, "probes": probes})


async def _read(target: Target, kind: str, now: float) -> Trial:
    source = target.source
    if isinstance(source, Checkable):
        facts = await source.check()
        version = next((fact.facts.get("version", "") for fact in facts if fact.kind == "service"), "")
        models = ", ".join(fact.name for fact in facts if fact.kind == "model")
        message = (
            "answers" + (f"; serves {models}" if models else "") + "; its metrics were not read, that has an effect"
        )
        return Trial(kind, target.url, ok=True, message=message, version=version)
    collected = await source.collect(now)
    if collected.withheld is not None:
        raise collected.withheld
    native, canonical = await asyncio.to_thread(_counted, target, collected)
    return Trial(
        kind,
        target.url,
        ok=True,
        message="answers",
        version=collected.version,
        native_series=native,
        canonical_series=canonical,
        requests=collected.requests,
        warnings=tuple(collected.warnings),
    )


def _counted(target: Target, collected: Collected) -> tuple[int, int]:
    """Return how many native and canonical series would be kept; first sight, so never on the event loop."""
    layout, values = collected.layout, collected.values
    with undisturbed():
        if target.repair is not None:
            repaired = target.repair(None).apply(layout, values)
            layout, values = repaired.layout, repaired.values
        everything = target.mapper.apply(layout, values).values if target.mapper is not None else values
        Settled().note(len(everything))
    return len(values), len(everything) - len(values)
