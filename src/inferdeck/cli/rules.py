"""`inferdeck rules export`: the canonical mapping for sites that keep their own Prometheus."""

from __future__ import annotations

import argparse
import sys


def export(_options: argparse.Namespace) -> int:
    """Print the recording rules of all kinds that have a catalog."""
    from inferdeck.sources import assembly, catalog, registry
    from inferdeck.sources.recording import export as recording_rules

    catalogs = [catalog.load(kind) for kind in registry.KINDS if assembly.has_catalog(kind)]
    sys.stdout.write(recording_rules(catalogs))
    return 0
