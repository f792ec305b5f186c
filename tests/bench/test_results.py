"""A folder of results as a model: the same figures as the model that made them, and the same report."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from superres.bench.models import open_model
from superres.bench.protocols import PROTOCOLS
from superres.bench.running import run
from superres.bench.suites import open_suite
from superres.cli.main import main
from superres.images.resize import imresize
from superres.types import BadInput, BadRequest

from .nets import pictures

DEFAULT = PROTOCOLS["y-studio-v1"]


@pytest.fixture
def made(tmp_path: Path) -> tuple[Path, Path]:
    """Drawn true pictures, and what bilinear makes of them in a folder that could be anybody's."""
    hr, results = pictures(tmp_path / "hr", 5), tmp_path / "EDSR"
    results.mkdir()
    for path in hr.iterdir():
        x = np.asarray(Image.open(path))
        x = x[: x.shape[0] // 4 * 4, : x.shape[1] // 4 * 4]
        Image.fromarray(imresize(imresize(x, 0.25), 4, method="bilinear")).save(results / f"{path.stem}_EDSR_x4.png")
    return hr, results


@pytest.mark.parametrize("protocol", ["y-studio-v1", "rgb-v1", "srcnn-v1"])
def test_the_figures_are_those_of_the_pictures(protocol: str, made: tuple[Path, Path]) -> None:
    suite = open_suite(str(made[0]), 4, PROTOCOLS[protocol])
    found = run([open_model(str(made[1]), 4), open_model("bilinear", 4)], [suite], ["psnr"])
    if protocol == "srcnn-v1":  # the model sees luma, the folder holds colour
        assert found.mean("EDSR", "hr", "psnr") == pytest.approx(found.mean("bilinear", "hr", "psnr"), abs=0.1)
    else:
        assert found.values("EDSR", "hr", "psnr") == found.values("bilinear", "hr", "psnr")
    assert found.seconds("EDSR", "hr") is None
    assert found.plain()["models"]["EDSR"]["suites"]["hr"]["seconds"] is None


def test_missing_and_doubled_results(made: tuple[Path, Path]) -> None:
    hr, results = made
    suite = open_suite(str(hr), 4, DEFAULT)
    (results / "p1_SR.png").write_bytes((results / "p1_EDSR_x4.png").read_bytes())
    with pytest.raises(BadInput, match=r"p1: holds p1_EDSR_x4.png and p1_SR.png for it"):
        run([open_model(str(results), 4)], [suite], ["psnr"])
    (results / "p1_SR.png").unlink()
    (results / "p2_EDSR_x4.png").unlink()
    with pytest.raises(BadInput, match="p2: holds no result"):
        run([open_model(str(results), 4)], [suite], ["psnr"])
    with pytest.raises(BadRequest, match="enlarges no picture"):
        open_model(str(results), 4).enlarge(np.zeros((4, 4), np.uint8))
    (results.parent / "none").mkdir()
    with pytest.raises(BadInput, match="holds no pictures"):
        open_model(str(results.parent / "none"), 4)


def test_a_plane_of_folders_and_models_with_the_numbers_of_each_comparison(
    made: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--model", "bicubic", str(made[1]), "nearest", "--suite", str(made[0]), "--scale", "4"]
    more = ["--metric", "psnr", "tv", "--plane", "psnr", "tv", "--report", str(tmp_path / "report")]
    assert main(["bench", *words, *more]) == 0
    assert "| EDSR - bicubic" in capsys.readouterr().out
    content = json.loads((tmp_path / "report" / "figures.json").read_text())
    first = content["comparisons"]["hr"][0]
    assert (first["first"], first["second"], first["metric"], first["pictures"]) == ("bicubic", "EDSR", "psnr", 5)
    assert first["low"] <= first["difference"] <= first["high"]
    assert first["effect"] == pytest.approx(first["difference"] / np.std(_differences(content), ddof=1))
    assert 0 < first["p_value"] <= 1
    assert first["sentence"]
    plane = (tmp_path / "report" / "hr-plane.svg").read_text()
    assert plane.count("<circle") == 3
    assert "polyline" in plane
    with Image.open(tmp_path / "report" / "hr-plane.png") as png:
        assert png.size == (1120, 720)
        assert len(set(png.convert("RGB").resize((112, 72)).get_flattened_data())) > 10
    html = (tmp_path / "report" / "report.html").read_text()
    assert "tv against psnr" in html
    assert "effect (d_z)" in html


def test_two_folders_of_one_name_stay_two(made: tuple[Path, Path], tmp_path: Path) -> None:
    other = tmp_path / "mine" / "EDSR"
    other.mkdir(parents=True)
    for path in made[1].iterdir():
        (other / path.name.replace("_EDSR", "_mine")).write_bytes(path.read_bytes())
    out = tmp_path / "found.json"
    words = ["--model", str(made[1]), str(other), "--suite", str(made[0]), "--scale", "4", "--json", str(out)]
    assert main(["bench", *words]) == 0
    assert set(json.loads(out.read_text())["models"]) == {str(made[1]), str(other)}


def _differences(content: dict) -> list[float]:
    by = {name: [row["psnr"] for row in content["pictures"] if row["model"] == name] for name in ("bicubic", "EDSR")}
    return [b - a for a, b in zip(by["bicubic"], by["EDSR"], strict=True)]


def test_comparing_without_scipy_is_refused_before_anything_is_measured(
    made: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "scipy.stats", None)
    words = ["bench", "--model", "bicubic", "nearest", "--suite", str(made[0]), "--scale", "4"]
    assert main(words) == 5
    captured = capsys.readouterr()
    assert "pip install 'superres[train]'" in captured.err
    assert captured.out == ""
    assert main(["bench", "--model", "bicubic", "--suite", str(made[0]), "--scale", "4"]) == 0
