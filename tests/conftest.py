"""What every test gets: a real program that is not installed is a skip by name, wherever it was asked for."""

from __future__ import annotations

import gc
import os
from collections.abc import Generator
from pathlib import Path

import pytest
from aiohttp import web_app
from hypothesis import HealthCheck, settings

from tests.real.programs import AbsentError

# A busy machine is no reason to fail: nothing here may depend on how long an example takes.
# With CI set, the same examples each time: what is new is found where somebody looks at it.
settings.register_profile(
    "inferdeck",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=bool(os.environ.get("CI")),
)
settings.load_profile("inferdeck")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option with which files of expected output are written anew, to be looked at in the diff."""
    parser.addoption("--write-golden", action="store_true", help="write golden files instead of comparing with them")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Give each of several processes a short folder for temporary files: a unix socket's path has at most 107 bytes."""
    worker = getattr(config, "workerinput", None)
    if worker is not None:
        folder = Path(config.option.basetemp)
        config.option.basetemp = str(folder.with_name(worker["workerid"].removeprefix("gw")))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, None, None]:
    """Skip a test whose fixtures need a program that is absent."""
    try:
        return (yield)
    except AbsentError as absent:
        pytest.skip(str(absent))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    """Skip a test that itself starts a program that is absent."""
    try:
        return (yield)
    except AbsentError as absent:
        pytest.skip(str(absent))


_FROZEN = 300_000
"""Objects that may stay out of collections: more than the modules of a whole run are."""


@pytest.hookimpl(trylast=True)
def pytest_runtest_logfinish() -> None:
    """Give back what tests leave: a process usually has one daemon and one fleet, and here has hundreds.

    A daemon keeps its first sight out of collections; aiohttp remembers the handlers of a thousand servers.
    """
    web_app._cached_build_middleware.cache_clear()
    if gc.get_freeze_count() > _FROZEN:
        gc.unfreeze()
        gc.collect()
