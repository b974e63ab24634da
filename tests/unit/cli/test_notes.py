"""`annotate`, `annotations`, `events`, `config files` as a user runs them, over a unix socket."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.api.place import Place, served
from tests.unit.cli.test_commands import run


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with served(tmp_path_factory.mktemp("run")) as found:
        yield found


def test_annotations_are_written_listed_and_deleted(tmp_path: Path, place: Place) -> None:
    url = f"unix://{place.socket_path}"
    words = ("annotate", "vLLM 0.9 \x1b[31mred", "--kind", "deployment", "--tag", "a", "--tag", "b", "--at", "10m")
    done = run(tmp_path, *words, "--url", url)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("1: deployment at ") and done.stdout.endswith("vLLM 0.9 \\x1b[31mred\n")
    found = json.loads(run(tmp_path, "annotations", "list", "--json", "--url", url).stdout)
    assert (found["total"], found["items"][0]["tags"]) == (1, ["a", "b"])
    table = run(tmp_path, "annotations", "list", "--url", url).stdout.split("\n")
    assert table[0].split() == ["ID", "TIME", "KIND", "TAGS", "WHAT"]
    assert "deployment  a, b  vLLM 0.9 \\x1b[31mred" in table[1]
    assert run(tmp_path, "annotations", "--tag", "a", "--url", url).stdout.split("\n") == table
    assert "deployment  annotation  vLLM 0.9" in run(tmp_path, "events", "--url", url).stdout
    deleted = run(tmp_path, "annotations", "delete", "1", "--json", "--url", url)
    assert json.loads(deleted.stdout) == {"id": 1}
    gone = run(tmp_path, "annotations", "delete", "1", "--url", url)
    assert (gone.returncode, gone.stderr) == (2, "inferdeck: there is no annotation 1\n")
    empty = run(tmp_path, "annotations", "list", "--url", url).stdout
    assert "There are no annotations." in empty and "inferdeck annotate" in empty


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("annotate", " "), 2, "text: is empty"),
        (("annotate", "x", "--at", "soon"), 2, "soon: not a time"),
        (("annotate", "x", "--kind", "X Y"), 2, "kind: lower-case"),
        (("annotate",), 2, "TEXT"),
        (("annotations", "delete", "seven"), 2, "1 or more, not seven"),
        (("events", "--since", "yesterday"), 2, "yesterday: not a time"),
        (("events", "--kind", "reboot"), 2, 'kind: no event has "reboot"; there are restart'),
        (("config", "files", "nowhere"), 2, 'no configuration file is called "nowhere"'),
        (("config", "files", "--kind", "litelm"), 2, 'kind: there is no "litelm"; there are litellm'),
    ],
)
def test_mistakes_say_what_to_write(tmp_path: Path, place: Place, words: tuple[str, ...], code: int, says: str) -> None:
    done = run(tmp_path, *words, "--url", f"unix://{place.socket_path}")
    assert (done.returncode, says in done.stderr) == (code, True), done.stderr


def test_without_the_socket_annotating_is_forbidden(tmp_path: Path, place: Place) -> None:
    done = run(tmp_path, "annotate", "x", "--url", place.url)
    assert done.returncode == 4 and "unix socket" in done.stderr


def test_events_and_files_are_tables(tmp_path: Path, place: Place) -> None:
    url = f"unix://{place.socket_path}"
    events = run(tmp_path, "events", "--url", url).stdout.split("\n")
    assert events[0].split() == ["TIME", "KIND", "SOURCE", "WHAT"]
    assert events[1].endswith("restart  d       vllm was restarted")
    assert "nothing matches --subject" not in run(tmp_path, "events", "--subject", "vllm", "--url", url).stdout
    files = run(tmp_path, "config", "files", "--url", url).stdout.split("\n")
    assert files[0].split() == ["STATE", "FILE", "KIND", "SIZE", "MODIFIED", "REVISIONS", "DRIFT", "HASH"]
    assert "/etc/litellm/config.yaml  litellm" in files[1]
    one = run(tmp_path, "config", "files", "config.yaml", "--url", url).stdout
    assert "-a: 1\n+a: 2\n" in one and one.endswith("Content  secrets are masked\na: 2\n")
    assert (
        json.loads(run(tmp_path, "config", "files", "config.yaml", "--json", "--url", url).stdout)["content"]
        == "a: 2\n"
    )
