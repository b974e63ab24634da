"""The configuration as a command sees it."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from inferdeck.config.load import load as load_settings
from inferdeck.config.schema import Settings
from inferdeck.sources.registry import config_classes


def load(options: argparse.Namespace) -> Settings:
    """Return the effective settings with --config and --data-dir applied; raises ConfigError."""
    environ = dict(os.environ)
    if options.data_dir:
        environ["INFERDECK_DATA_DIR"] = str(Path(options.data_dir).expanduser().absolute())
    path = Path(options.config) if options.config else None
    return load_settings(path=path, environ=environ, kinds=config_classes())
