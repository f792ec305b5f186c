"""``superres weights`` as it is typed."""

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from superres.cli.main import main


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUPERRES_WEIGHTS", str(tmp_path / "weights"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))


def test_list(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["weights", "list", "--json"]) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows["niqe"]["state"] == "shipped"
    assert rows["lpips-alex"]["needs"] == ["alexnet"]
    assert rows["alexnet"]["accepted"][1]["url"].startswith("https://download.pytorch.org/")
    assert main(["weights"]) == 0
    assert "licence: LIVE notice" in capsys.readouterr().out


def test_get_says_what_it_wants_and_the_status_tells(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["weights", "get", "lpips-vgg"]) == 4
    said = capsys.readouterr().err
    assert "superres weights get vgg16 --from FILE" in said
    assert said.count("\n") == 1


def test_get_from_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save_file({"linear": np.ones(4)}, tmp_path / "bad.safetensors")
    assert main(["weights", "get", "alexnet", "--from", str(tmp_path / "bad.safetensors")]) == 4
    assert "not the weights 'alexnet'" in capsys.readouterr().err
    assert main(["weights", "get", "niqe", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["from"] == "in the package"


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["gett", "niqe"], "did you mean get"),
        (["get"], "wants a name"),
        (["get", "a", "b", "--from", "x"], "one by one"),
        (["get", "nique"], "did you mean niqe"),
        (["get", "niqe", "--from", "x"], "in the package"),
    ],
)
def test_wrong_requests(words: list[str], hint: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["weights", *words]) == 2
    assert hint in capsys.readouterr().err
