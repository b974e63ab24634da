"""What a 429 says of the time to wait, in every form that it may."""

from __future__ import annotations

from email.utils import formatdate

import pytest

from inferdeck.sources.retry_after import wait_seconds

NOW = 1_795_262_400.0


@pytest.mark.parametrize(
    ("given_text", "wanted"),
    [("37", 37.0), ("", 60.0), ("soon", 60.0), ("0", 1.0), ("999999999", 86_400.0),
     (formatdate(NOW + 90, usegmt=True), 90.0), (formatdate(NOW - 90, usegmt=True), 1.0)],
)  # fmt: skip
def test_how_long_to_wait(given_text: str, wanted: float) -> None:
    assert wait_seconds({"Retry-After": given_text} if given_text else {}, NOW) == wanted
