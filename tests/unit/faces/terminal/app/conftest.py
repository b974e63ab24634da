"""An API that is served in this process, for the tests of a file."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from inferdeck.client.tiny import Client
from tests.unit.api.place import Place, served
from tests.unit.faces.terminal.app.daemon import client


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with served(tmp_path_factory.mktemp("daemon")) as found:
        yield found


@pytest.fixture
def daemon(place: Place) -> Client:
    return client(place)
