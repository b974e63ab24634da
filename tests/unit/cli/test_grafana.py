"""`inferdeck grafana export` and `validate`: the same dashboards as the daemon's, the user's own among them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from inferdeck.cli import main
from inferdeck.dashboards import loader
from tests.unit.api.boards import FILE

SHIPPED = len(loader.shipped())


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of dashboards beside a configuration."""
    file = tmp_path / "inferdeck.yaml"
    file.write_text("{}\n", encoding="utf-8")
    monkeypatch.setenv("INFERDECK_CONFIG", str(file))
    found = tmp_path / "dashboards"
    found.mkdir()
    return found


def test_dashboards_of_the_users_folder_are_exported_too(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "mine.yaml").write_text(FILE, encoding="utf-8")
    (folder / "gpu.yaml").write_text(FILE.replace("uid: mine", "uid: gpu"), encoding="utf-8")
    out = tmp_path / "out"
    assert main(["grafana", "export", "--out", str(out)]) == 0
    assert f"{SHIPPED + 1} dashboards written" in capsys.readouterr().out
    assert json.loads((out / "mine.json").read_text(encoding="utf-8"))["uid"] == "inferdeck-mine"
    assert (out / "kubernetes" / "mine.yaml").exists()
    titles = [json.loads((out / name).read_text(encoding="utf-8"))["title"] for name in ("mine.json", "gpu.json")]
    assert titles[0] == titles[1], "the user's replaces the one of its uid"
    assert main(["grafana", "validate"]) == 0
    assert f"{SHIPPED + 1} dashboards: right" in capsys.readouterr().out


def test_a_broken_file_is_named_and_keeps_the_others_from_nothing(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "broken.yaml").write_text("uid: broken\ntitle: x\nrow: []\n", encoding="utf-8")
    assert main(["grafana", "export", "--out", str(tmp_path / "out")]) == 1
    shown = capsys.readouterr()
    assert f"{SHIPPED} dashboards written" in shown.out
    assert 'left out: broken.yaml:3: row: unknown key, did you mean "rows"?' in shown.err
    assert main(["grafana", "validate"]) == 1


def test_files_that_are_named_are_exported_alone(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "broken.yaml").write_text("[]", encoding="utf-8")
    file = tmp_path / "mine.yaml"
    file.write_text(FILE, encoding="utf-8")
    assert main(["grafana", "export", str(file), "--out", str(tmp_path / "out")]) == 0
    assert "1 dashboards written" in capsys.readouterr().out
    assert [path.name for path in (tmp_path / "out").glob("*.json")] == ["mine.json"]
