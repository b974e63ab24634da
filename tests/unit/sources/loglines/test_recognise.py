"""Times and levels in the programs' own formats."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inferdeck.model.log_lines import ESTIMATED, LEVELS, MEASURED
from inferdeck.sources.loglines import spelling
from inferdeck.sources.loglines.entries import recognise
from inferdeck.sources.loglines.levels import may_be_bad
from inferdeck.sources.loglines.times import Resolver

WHEN = datetime(2026, 11, 21, 2, 40, 5, tzinfo=UTC).timestamp()
NOW = WHEN + 3600

LINES = [
    ("\x1b[92m02:40:05 - LiteLLM Router:INFO\x1b[0m: router.py:3993 - litellm.acompletion(model=x)", "info", 0.0),
    ('{"message": "x", "level": "ERROR", "timestamp": "2026-11-21T02:40:05.250000"}', "error", 0.25),
    ("(APIServer pid=13595) INFO 11-21 02:40:05 [api_utils.py:347] version", "info", 0.0),
    ("(EngineCore pid=13815) WARNING 11-21 02:40:05 [cpu.py:224] Triton", "warning", 0.0),
    ("(EngineCore_DP0 pid=7) ERROR 11-21 02:40:05 [core.py:1021] fatal", "error", 0.0),
    ("INFO 11-21 02:40:05 [api_server.py:1] older vLLM", "info", 0.0),
    ('[GIN] 2026/11/21 - 02:40:05 | 200 |  1.234567s |  127.0.0.1 | POST     "/api/chat"', "info", 0.0),
    ('[GIN] 2026/11/21 - 02:40:05 | 500 |  1.234567s |  127.0.0.1 | POST     "/api/chat"', "error", 0.0),
    ('time=2026-11-21T02:40:05.123Z level=WARN source=routes.go:1 msg="x"', "warning", 0.123),
    ('time="2026-11-21T02:40:05.123456789Z" level=info msg="API listen"', "info", 0.123456789),
    ("[2026-11-21 02:40:05] INFO:     Started server process", "info", 0.0),
    ("[2026-11-21 02:40:05 TP0] Decode batch. #running-req: 1, #token: 7, token usage: 0.00", "", 0.0),
    ('{"timestamp":"2026-11-21T02:40:05.5Z","level":"INFO","message":"Connected","target":"tgi"}', "info", 0.5),
    ("2026-11-21T02:40:05.500000Z  INFO text_generation_router: Connected", "info", 0.5),
    ("7:M 21 Nov 2026 02:40:05.123 * Ready to accept connections", "info", 0.123),
    ("7:M 21 Nov 2026 02:40:05.123 # Warning: no config", "warning", 0.123),
    ("7:C 21 Nov 2026 02:40:05.123 - DB 0: 1 keys", "debug", 0.123),
    ("2026/11/21 02:40:05 [error] 7#7: *1 connect() failed", "error", 0.0),
    ('127.0.0.1 - - [21/Nov/2026:03:40:05 +0100] "GET / HTTP/1.1" 502 157 "-" "curl"', "error", 0.0),
    ('127.0.0.1 - - [21/Nov/2026:02:40:05 +0000] "GET / HTTP/1.1" 200 157 "-" "curl"', "info", 0.0),
    ("2026-11-21 02:40:05,123 - root - CRITICAL - out of memory", "critical", 0.123),
    ("2026-11-21 02:40:05.123 UTC [99] LOG:  checkpoint starting", "info", 0.123),
    ("2026-11-21 02:40:05.123 UTC [99] FATAL:  password authentication failed", "critical", 0.123),
    ("E1121 02:40:05.123456   12345 server.go:7] failed", "error", 0.123456),
    ("I1121 02:40:05.000000       1 main.go:7] started", "info", 0.0),
    ("<11>Nov 21 02:40:05 host prog[1]: x", "error", 0.0),
    ("Nov 21 02:40:05 host prog[1]: ERROR x", "error", 0.0),
    ("<165>1 2026-11-21T02:40:05.003Z host app - ID47 - x", "info", 0.003),
    ("2026-11-21T02:40:05.003+00:00 error x", "error", 0.003),
    ("1795228805.25 DEBUG x", "debug", 0.25),
    ("1795228805250 something", "", 0.25),
    ('{"ts":1795228805.25,"level":"warn","msg":"x"}', "warning", 0.25),
    ('{"time":1795228805250,"level":50,"msg":"pino"}', "error", 0.25),
    ("ts=2026-11-21T02:40:05.5Z caller=main.go level=error err=x", "error", 0.5),
]


@pytest.mark.parametrize(("text", "level", "fraction"), LINES)
def test_time_and_level_of_each_program(text: str, level: str, fraction: float) -> None:
    stamp, found = recognise(spelling.plain(text), UTC)
    assert found == level
    assert stamp is not None
    time, _ = Resolver(NOW, UTC).time(stamp)
    assert time == pytest.approx(WHEN + fraction, abs=1e-4)


@pytest.mark.parametrize(("text", "level"), [(text, level) for text, level, _ in LINES])
def test_every_line_that_is_bad_has_a_word_by_which_blocks_are_chosen(text: str, level: str) -> None:
    if level in LEVELS[LEVELS.index("warning") :]:
        assert may_be_bad(text.encode())


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ('INFO:     10.0.0.7:32768 - "POST /v1/chat/completions HTTP/1.1" 500 Internal Server Error', "info"),
        ("WARNING:root:careful", "warning"),
        ("plain words of an error", ""),
        ("srv  llama_server: model loaded", ""),
        ("Ready to accept ERROR reports", "error"),
        ('{"no": "level"}', ""),
        ("{not json", ""),
        ("[warn] x", "warning"),
    ],
)
def test_lines_without_a_time(text: str, level: str) -> None:
    assert recognise(text, UTC) == (None, level)


def test_a_line_without_a_date_is_of_the_last_day_that_fits() -> None:
    stamp, _ = recognise("23:59:59 - LiteLLM:ERROR: x", UTC)
    assert stamp is not None
    midnight = datetime(2026, 11, 21, tzinfo=UTC).timestamp()
    assert Resolver(midnight + 60, UTC).time(stamp) == (midnight - 1, ESTIMATED)
    resolver = Resolver(midnight + DAY - 1, UTC)
    assert resolver.time(stamp) == (midnight + DAY - 1, ESTIMATED)


DAY = 86_400


def test_going_back_over_midnight_changes_the_date() -> None:
    resolver = Resolver(datetime(2026, 11, 21, 8, tzinfo=UTC).timestamp(), UTC)
    days = []
    for clock in ("07:00:00", "01:00:00", "23:00:00", "05:00:00", "22:00:00"):
        stamp, _ = recognise(f"{clock} x", UTC)
        assert stamp is not None
        days.append(datetime.fromtimestamp(resolver.time(stamp)[0], UTC).day)
    assert days == [21, 21, 20, 20, 19]


def test_a_line_without_a_year_is_of_the_year_that_fits() -> None:
    stamp, _ = recognise("INFO 12-31 23:59:59 [x.py:1] y", UTC)
    assert stamp is not None
    january = datetime(2027, 1, 2, tzinfo=UTC).timestamp()
    time, quality = Resolver(january, UTC).time(stamp)
    assert datetime.fromtimestamp(time, UTC).year == 2026
    assert quality == MEASURED


def test_seconds_since_a_start_end_when_the_file_was_last_written() -> None:
    resolver = Resolver(NOW, UTC)
    times = []
    for text in ("1.00.000.000 I c", "0.30.000.000 W b", "5.00.000.000 I a of the run before"):
        stamp, _ = recognise(text, UTC)
        assert stamp is not None
        times.append(resolver.time(stamp)[0])
    assert times == [NOW, NOW - 30, NOW - 60]


def test_times_without_a_zone_are_of_the_zone_that_is_told() -> None:
    east = timezone(timedelta(hours=2))
    stamp, _ = recognise("2026-11-21 04:40:05,000 INFO x", east)
    assert stamp is not None
    assert stamp.value == WHEN


@given(st.text(max_size=300))
def test_any_text_is_taken(text: str) -> None:
    plain = spelling.plain(text)
    stamp, level = recognise(plain, UTC)
    assert level in (*LEVELS, "")
    if stamp is not None:
        Resolver(NOW, UTC).time(stamp)


DIGITS = st.text("0123456789-:/ .TZ,[]INFOEW+", max_size=40)


@given(DIGITS)
def test_nonsense_in_the_form_of_a_time_is_taken(text: str) -> None:
    stamp, _ = recognise(text, UTC)
    if stamp is not None:
        Resolver(NOW, UTC).time(stamp)


@given(st.binary(max_size=300))
def test_shown_text_has_no_control_characters(raw: bytes) -> None:
    text, _ = spelling.shown([spelling.decode(raw)])
    assert "\x1b" not in text
    assert all(character.isprintable() or character == "\n" or ord(character) > 0xA0 for character in text)


def test_terminal_sequences_leave_nothing() -> None:
    assert spelling.plain("\x1b[1;31mred\x1b[0m \x1b]0;title\x07\x1b]8;;http://x\x1b\\link\x1b(B\x00\r\n") == "red link"
    assert spelling.plain("a\tb\u202ec") == "a    bc"


def test_a_very_long_line_is_cut_and_says_so() -> None:
    text, cut = spelling.shown(["x " * 10_000])
    assert len(text) <= spelling.LONGEST_LINE
    assert cut > 10_000
