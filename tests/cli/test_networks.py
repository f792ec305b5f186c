"""``superres networks``."""

import json
import subprocess
import sys

import pytest

from superres.cli.main import main
from superres.zoo import NETWORKS, costs, scores


def test_the_table_has_a_line_for_every_network(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["networks"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[1 : len(NETWORKS) + 1]] == [row.name for row in NETWORKS]
    assert max(map(len, lines)) < 120


def test_one_network_is_told_in_full(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["networks", "edsr-baseline"]) == 0
    told = capsys.readouterr().out
    for fact in ("Lim et al.", "superres.networks.edsr:EDSR", "1 517 571 parameters", "radius 36", "Set5 32.09/0.8938"):
        assert fact in " ".join(told.split())


def test_json_has_costs_and_scores(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["networks", "--json"]) == 0
    found = {one["name"]: one for one in json.loads(capsys.readouterr().out)}
    assert found["edsr"]["parameters"]["4"] == 43_089_923
    assert found["edsr"]["costs"][0]["radius"] == 68
    assert any(one["set"] == "Set14" and one["scale"] == 4 for one in found["edsr"]["scores"])


def test_an_unknown_name_has_a_suggestion(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["networks", "edsr-basline"]) == 2
    assert "did you mean edsr-baseline" in capsys.readouterr().err


def test_measuring_tells_time_and_memory(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["networks", "srcnn", "--measure", "--scale", "2", "--size", "8", "--engine", "torch", "--json"]) == 0
    [one] = json.loads(capsys.readouterr().out)
    assert one["parameters"] == 8_129
    assert one["multiply_adds"] == 8_032 * 16 * 16
    assert one["seconds"] > 0
    assert one["peak_memory"] >= 0


def test_the_table_is_printed_without_torch() -> None:
    code = "import sys; from superres.cli.main import main; main(['networks']); assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_every_network_has_costs_and_every_score_a_network() -> None:
    wanted = [(row.name, scale, row.parameters[scale]) for row in NETWORKS for scale in row.scales]
    assert [(one.network, one.scale, one.parameters) for one in costs()] == wanted
    assert {one.network for one in scores()} <= {row.name for row in NETWORKS} | {"bicubic"}
    assert all(15 < one.psnr < 50 and (one.ssim is None or 0.5 < one.ssim < 1) for one in scores())
