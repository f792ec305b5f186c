"""``superres data``."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from superres.cli.main import main

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def five(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("SUPERRES_DATA", raising=False)
    (tmp_path / "five").mkdir()
    rng = np.random.default_rng(0)
    for k in range(5):
        Image.fromarray(rng.integers(0, 256, (10, 10, 3)).astype(np.uint8)).save(tmp_path / "five" / f"{k}.png")
    return tmp_path / "five"


@pytest.mark.usefixtures("five")
def test_the_list_tells_source_licence_and_use(capsys: Capture) -> None:
    assert main(["data"]) == 0
    everything = capsys.readouterr().out
    assert main(["data", "list", "set5", "div2k"]) == 0
    text = capsys.readouterr().out
    assert all(line in everything for line in text.splitlines())
    for word in (
        "Set5: 5 pictures, for testing only",
        "licence",
        "protocol",
        "DIV2K_train_HR.zip",
        "data get set5 --from",
    ):
        assert word in text
    assert main(["data", "list", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert len(rows) == 17
    assert rows["set14"]["role"] == "test"
    assert rows["set14"]["local"] is None


def test_get_then_list_then_check(five: Path, tmp_path: Path, capsys: Capture) -> None:
    root = tmp_path / "root"
    assert main(["data", "get", "set5", "--from", str(five), "--data-root", str(root)]) == 0
    assert capsys.readouterr().out.strip() == str(root / "Set5")
    assert main(["data", "list", "set5", f"--data-root={root}"]) == 0
    assert f"here      {root / 'Set5'}" in capsys.readouterr().out
    assert main(["data", "check", "set5", "--data-root", str(root), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["pictures"], report["expected"], report["sound"]) == (5, 5, True)
    (root / "Set5" / "4.png").unlink()
    assert main(["data", "check", "set5", "--data-root", str(root)]) == 3
    told = capsys.readouterr()
    assert "4 of 5 pictures" in told.out
    assert "not whole: 4 pictures where 5 belong" in told.err


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (["lst"], 2, "did you mean list?"),
        (["get"], 2, "wants the name of one set, and 0 were given"),
        (["check", "set5", "set14"], 2, "and 2 were given"),
        (["get", "sett5", "--data-root", "ROOT"], 2, "did you mean set5?"),
        (["list", "--from", "x"], 2, "--from goes with get"),
        (["get", "urban100", "--data-root", "ROOT"], 3, "no official address"),
        (["check", "set5", "--data-root", "ROOT"], 3, "Set5 is not under"),
        (["check", "set5"], 3, "--data-root or SUPERRES_DATA"),
        (["get", "set5", "--form", "x"], 2, "did you mean --from?"),
    ],
)
@pytest.mark.usefixtures("five")
def test_what_cannot_be_done_is_one_line(
    words: list[str], status: int, message: str, tmp_path: Path, capsys: Capture
) -> None:
    assert main(["data", *(str(tmp_path) if word == "ROOT" else word for word in words)]) == status
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
