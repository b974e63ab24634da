"""The families of prometheus-fastapi-instrumentator, which vLLM wears: `http_*` by handler, method and class of status.

What a gateway sends is known from the events alone; the sizes of those bodies follow from their tokens.
"""

from __future__ import annotations

from inferdeck.simulate.servers.engines.tally import Tally
from inferdeck.simulate.servers.engines.text import BYTES_PER_TOKEN
from inferdeck.simulate.table import Family, Table

UNCOUNTED = frozenset({"/metrics", "/health", "/load", "/ping", "/version", "/server_info"})
FINE = (0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 1.5, 2, 2.5, 3, 3.5, 4, 4.5, 5, 7.5, 10, 30, 60)
COARSE = (0.1, 0.5, 1)
REQUEST_FRAME_BYTES, REQUEST_TOKEN_BYTES = 180, 4
RESPONSE_FRAME_BYTES = 660


def request_bytes(prompt_tokens: int) -> int:
    """Return how large a gateway's request for this prompt is."""
    return REQUEST_FRAME_BYTES + REQUEST_TOKEN_BYTES * prompt_tokens


def response_bytes(tokens: int, *, stream: bool) -> int:
    """Return what the answer's Content-Length says: nothing where it is streamed."""
    return 0 if stream else RESPONSE_FRAME_BYTES + BYTES_PER_TOKEN * tokens


class HttpFamilies:
    """The requests that were answered."""

    def __init__(self, table: Table, now: float) -> None:
        self._seen: set[tuple[str, str, str]] = set()
        text = "Total number of requests by method, status and handler."
        labels = ("handler", "method", "status")
        self._requests, self._requests_made = self._counted(table, "http_requests", text, labels)
        text = (
            "Content length of {} by handler. "
            "Only value of header is respected. Otherwise ignored. No percentile calculated. "
        )
        incoming, outgoing = text.format("incoming requests"), text.format("outgoing responses")
        self._received, self._received_made = self._sized(table, "http_request_size_bytes", incoming)
        self._sent, self._sent_made = self._sized(table, "http_response_size_bytes", outgoing)
        text = "Latency with many buckets but no API specific labels. Made for more accurate percentile calculations. "
        self._table = table
        self._fine = Tally(table, table.histogram("http_request_duration_highr_seconds", FINE, text))
        table.gauge("http_request_duration_highr_seconds_created", text).set(now)
        text = "Latency with only few buckets by handler. Made to be only used if aggregation by handler is important. "
        self._coarse = table.histogram("http_request_duration_seconds", COARSE, text, ("handler", "method"))
        self._coarse_made = table.gauge("http_request_duration_seconds_created", text, ("handler", "method"))
        self._by_handler: dict[tuple[str, str], Tally] = {}
        self.tallies = [self._fine]

    @staticmethod
    def _counted(table: Table, name: str, text: str, labels: tuple[str, ...]) -> tuple[Family, Family]:
        return table.counter(f"{name}_total", text, labels), table.gauge(f"{name}_created", text, labels)

    @staticmethod
    def _sized(table: Table, name: str, text: str) -> tuple[Family, Family]:
        return table.summary(name, text, ("handler",)), table.gauge(f"{name}_created", text, ("handler",))

    def count(
        self, handler: str, method: str, status: str, seconds: float, received: int, sent: int, clock: float
    ) -> None:
        """Count one answer; `status` is its class, such as 2xx."""
        key = (handler, method, status)
        if key not in self._seen:
            self._meet(key, clock)
        self._requests.inc(key)
        self._received.observe(received, (handler,))
        self._sent.observe(sent, (handler,))
        self._fine.observe(seconds)
        self._by_handler[handler, method].observe(seconds)

    def _meet(self, key: tuple[str, str, str], clock: float) -> None:
        """Note when a child was made, by the host's clock."""
        handler, method, _ = key
        if not any(seen[0] == handler for seen in self._seen):
            self._received_made.set(clock, (handler,))
            self._sent_made.set(clock, (handler,))
        if (handler, method) not in self._by_handler:
            self._coarse_made.set(clock, (handler, method))
            tally = self._by_handler[handler, method] = Tally(self._table, self._coarse, (handler, method))
            self.tallies.append(tally)
        self._seen.add(key)
        self._requests_made.set(clock, key)
