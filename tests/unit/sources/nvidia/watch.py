"""Reads the cards once as the daemon would and prints what came of it as JSON; run as a program of its own."""

from __future__ import annotations

import asyncio
import json
import sys

from inferdeck.errors import CollectError
from inferdeck.model.clock import SystemClock
from inferdeck.model.target import TargetKey
from inferdeck.sources.nvidia.config import NvidiaConfig
from inferdeck.sources.nvidia.source import make


async def main() -> dict[str, object]:
    source = make(NvidiaConfig(), None, SystemClock(), TargetKey("nvidia", "here", "test"), ())
    try:
        found = await source.collect(0.0)
    except CollectError as error:
        return {"error": str(error)}
    finally:
        await source.aclose()
    processes = [dict(fact.facts) for fact in found.inventory if fact.kind == "gpu_process"]
    return {"series": len(found.layout.series), "warnings": list(found.warnings), "processes": processes}


if __name__ == "__main__":
    json.dump(asyncio.run(main()), sys.stdout)
