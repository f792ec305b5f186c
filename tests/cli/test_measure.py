"""``measure``, ``bench`` and ``explain-gap`` as they are typed."""

import csv
import io
import json
import math
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from superres.bench.measuring import measure
from superres.cli.main import main
from superres.images.resize import imresize


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """Four references; results for three of them under one name or another, one of them identical; one of nothing."""
    rng = np.random.default_rng(3)
    sr, hr = tmp_path / "sr", tmp_path / "hr"
    sr.mkdir()
    hr.mkdir()
    for k, name in enumerate(("a", "b", "c", "d")):
        x = np.asarray(Image.fromarray(rng.integers(0, 256, (6, 7, 3), np.uint8)).resize((42, 36)))
        Image.fromarray(x).save(hr / f"{name}.png")
        y = x if name == "c" else np.clip(x + rng.integers(-5 - k, 6 + k, x.shape), 0, 255).astype(np.uint8)
        if name != "d":
            Image.fromarray(y).save(sr / f"{name}{'_x2' if name == 'b' else ''}.{'bmp' if name == 'a' else 'png'}")
    Image.fromarray(x).save(sr / "e.png")
    return sr, hr


def test_two_pictures_as_json(folders: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    sr, hr = folders
    words = [str(sr / "a.bmp"), str(hr / "a.png"), "--metric", "psnr", "ssim", "--scale", "2", "--json"]
    assert main(["measure", *words]) == 0
    found = json.loads(capsys.readouterr().out)
    wanted = measure(sr / "a.bmp", hr / "a.png", scale=2).values
    assert {key: found[key] for key in ("psnr", "ssim", "protocol")} == {**wanted, "protocol": "y-studio-v1"}
    assert main(["measure", str(sr / "c.png"), str(hr / "c.png"), "--scale", "2", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["psnr"] == "inf"


def test_two_pictures_as_text_and_csv(folders: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    sr, hr = folders
    pair = [str(sr / "a.bmp"), str(hr / "a.png")]
    assert main(["measure", *pair, "--protocol", "rgb-v1", "--scale", "2"]) == 0
    said = capsys.readouterr().out
    value = measure(*pair, ["psnr"], protocol="rgb-v1", scale=2).values["psnr"]
    assert f"psnr, dB (higher is better): {value:.2f}" in said
    assert "protocol rgb-v1: RGB" in said
    assert main(["measure", *pair, "--csv"]) == 0
    row = next(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert float(row["psnr"]) == measure(*pair).values["psnr"]
    assert "no border" in row["protocol"]


def test_two_folders(folders: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    sr, hr = folders
    assert main(["measure", str(sr), str(hr), "--scale", "2", "--json", "--combine", "psnr=0.1", "ssim=2"]) == 1
    captured = capsys.readouterr()
    found = json.loads(captured.out)
    assert set(found["pictures"]) == {"a", "b_x2", "c"}
    assert found["unmatched"] == {"test": ["e"], "reference": ["d"]}
    assert found["mean"]["psnr"] == "inf"
    wanted = measure(sr / "b_x2.png", hr / "b.png", scale=2).values
    assert found["pictures"]["b_x2"]["psnr"] == wanted["psnr"]
    combined = found["pictures"]["b_x2"]["0.1 psnr + 2 ssim"]
    assert combined == pytest.approx(0.1 * wanted["psnr"] + 2 * wanted["ssim"])
    assert "only among the test pictures, not measured: e" in captured.err
    assert "only among the reference pictures, not measured: d" in captured.err
    (sr / "e.png").unlink()
    (hr / "d.png").unlink()
    assert main(["measure", str(sr), str(hr), "--scale", "2", "--jobs", "2"]) == 0
    said = capsys.readouterr().out
    assert "psnr is infinite for 1 of 3 pictures; the mean of the others is" in said
    assert "| mean" in said
    assert "protocol y-studio-v1:" in said


def test_one_bad_pair_of_several(folders: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    sr, hr = folders
    (hr / "a.png").write_bytes(b"\x89PNG broken")
    assert main(["measure", str(sr), str(hr), "--scale", "2", "--json"]) == 1
    captured = capsys.readouterr()
    found = json.loads(captured.out)
    assert set(found["pictures"]) == {"b_x2", "c"}
    assert list(found["failed"]) == ["a"]


def test_opinions(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(0)
    sr, hr = tmp_path / "sr", tmp_path / "hr"
    sr.mkdir()
    hr.mkdir()
    x = np.asarray(Image.fromarray(rng.integers(0, 256, (6, 7, 3), np.uint8)).resize((42, 36)))
    lines = ["picture,score"]
    for k in range(7):
        Image.fromarray(x).save(hr / f"p{k}.png")
        noise = rng.integers(-3 - 4 * k, 4 + 4 * k, x.shape)
        Image.fromarray(np.clip(x + noise, 0, 255).astype(np.uint8)).save(sr / f"p{k}.png")
        lines.append(f"p{k}.png,{9 - k}")
    (tmp_path / "scores.csv").write_text("\n".join(lines))
    words = ["measure", str(sr), str(hr), "--metric", "psnr", "--scores", str(tmp_path / "scores.csv")]
    assert main(words) == 0
    assert "psnr against opinions on 7 pictures: SROCC +1.0000, KROCC +1.0000" in capsys.readouterr().out
    assert main([*words, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["opinions"][0]["srocc"] == pytest.approx(1)
    (tmp_path / "scores.csv").write_text("p0.png,9\np1.png,good\n")
    assert main(words) == 2
    assert "line 2 ends in 'good'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["measure"], "0 pictures were named; wanted TEST"),
        (["measure", "--metric", "psnr", "SR", "HR"], "0 pictures were named; wanted TEST"),
        (["measure", "A", "HR"], "one is a folder and one is not"),
        (["measure", "A", "A", "--json", "--csv"], "exclude each other"),
        (["measure", "A", "A", "--metric", "psrn"], "did you mean psnr"),
        (["measure", "A", "A", "--protocol", "rgb"], "did you mean rgb-v1"),
        (["measure", "A", "A", "--combine", "psnr"], "is no weight"),
        (["measure", "A", "A", "--combine", "lpips=1"], "'lpips', which was not measured"),
        (["measure", "A", "A", "--scores", "x.csv"], "--scores is for many pictures"),
        (["measure", "A", "A", "--recursive"], "--recursive is for many pictures"),
        (["measure", "A", "A", "--suffix", "_x"], "--suffix is for many pictures"),
        (["bench", "--scale", "2"], "no model was named"),
        (["bench", "--model", "bicubic"], "no scale was given"),
        (["bench", "--model", "bicubic", "--scale", "2", "--suite", "set6"], "did you mean set5"),
        (["bench", "--model", "bicubic", "bicubic", "--scale", "2"], "named twice"),
        (["bench", "--model", "bicubic", "--scale", "2", "--set", "a=1"], "none is among the models"),
        (["bench", "--model", "x:Y", "--scale", "2", "--set", "a"], "sets nothing"),
        (["bench", "--model", "bicubic", "--scale", "2", "--plane", "psnr"], "takes two metrics"),
        (["bench", "--model", "bicubic", "--scale", "2", "--plane", "psnr", "niqe"], "which --metric does not"),
        (["explain-gap", "A"], "1 pictures were named"),
        (["explain-gap", "A", "A"], "no scale was given"),
    ],
)
def test_wrong_requests(
    words: list[str], said: str, folders: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    names = {"A": str(folders[0] / "a.bmp"), "SR": str(folders[0]), "HR": str(folders[1])}
    assert main([names.get(word, word) for word in words]) == 2
    captured = capsys.readouterr().err
    assert said in captured
    assert captured.count("\n") == 1


def test_bench(folders: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = {"--json": tmp_path / "f.json", "--csv": tmp_path / "f.csv", "--report": tmp_path / "report"}
    files = [word for flag, path in out.items() for word in (flag, str(path))]
    words = ["--model", "bicubic", "bilinear", "--suite", str(folders[1]), "--scale", "2", *files]
    assert main(["bench", *words]) == 0
    captured = capsys.readouterr()
    assert "protocol y-studio-v1: " in captured.out
    assert "## hr x2, 4 pictures" in captured.out
    assert "between bicubic and bilinear" in captured.out or "bilinear is worse than bicubic" in captured.out
    found = json.loads(out["--json"].read_text())
    assert set(found["models"]) == {"bicubic", "bilinear"}
    assert len(out["--csv"].read_text().splitlines()) == 9
    assert (out["--report"] / "report.html").exists()
    assert "report:" in captured.err


def test_explain_gap(folders: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    sr, hr = folders
    pair = [str(sr / "a.bmp"), str(hr / "a.png")]
    rgb = measure(*pair, ["psnr"], protocol="rgb-v1", scale=2).values["psnr"]
    assert main(["explain-gap", *pair, "--scale", "2", "--target", f"{rgb:.4f}"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("default: protocol y-studio-v1: ")
    assert f"  rgb-v1: {rgb:.4f}" in said.split("nearest to ")[1]
    assert "none of them explains it" not in said
    assert main(["explain-gap", *pair, "--scale", "2", "--target", "60"]) == 0
    assert "none of them explains it" in capsys.readouterr().out
    assert main(["explain-gap", *pair, "--scale", "2", "--json"]) == 0
    rows = {row["convention"]: row for row in json.loads(capsys.readouterr().out)["conventions"]}
    assert rows["rgb-v1"]["psnr"] == rgb
    assert "psnr" not in rows["ssim 7x7"]
    assert main(["explain-gap", str(sr / "c.png"), str(hr / "c.png"), "--scale", "2"]) == 0
    assert math.inf == measure(sr / "c.png", hr / "c.png", ["psnr"]).values["psnr"]
    assert "inf" in capsys.readouterr().out


def test_sub_folders_suffixes_and_opinions_by_path(
    folders: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sr, hr = folders
    for folder, ending in ((sr, "_RCAN"), (hr, "_HR")):
        for k, source in enumerate(["a.png"] * 5):
            into = tmp_path / folder.name / f"set{k % 2}"
            into.mkdir(exist_ok=True)
            x = np.asarray(Image.open(hr / source)).astype(int)
            noise = np.random.default_rng(k).integers(-3 * k - 2, 3 * k + 3, x.shape) if folder == sr else 0
            Image.fromarray(np.clip(x + noise, 0, 255).astype(np.uint8)).save(into / f"p{k}{ending}.png")
        for path in folder.glob("*.*"):
            path.unlink()
    lines = [f"set{k % 2}/p{k}_RCAN.png,{9 - k}" for k in range(5)]
    (tmp_path / "scores.csv").write_text("\n".join([*lines, "nobody.png,3"]))
    words = ["measure", str(sr), str(hr), "--metric", "psnr", "--recursive", "--suffix", "_RCAN"]
    assert main([*words, "--scores", str(tmp_path / "scores.csv"), "--csv"]) == 0
    captured = capsys.readouterr()
    assert [row["picture"] for row in csv.DictReader(io.StringIO(captured.out))] == [
        "set0/p0_RCAN", "set0/p2_RCAN", "set0/p4_RCAN", "set1/p1_RCAN", "set1/p3_RCAN",
    ]  # fmt: skip
    assert "psnr against opinions on 5 pictures: SROCC +1.0000" in captured.err
    assert "opinions of no picture: nobody" in captured.err
    assert "paired without suffixes: p0_RCAN with p0_HR" in captured.err
    (tmp_path / "scores.csv").write_text("set0/p0_RCAN.png,9\nset0/p0_RCAN.png,8\n")
    assert main([*words, "--scores", str(tmp_path / "scores.csv")]) == 2
    assert "for the second time" in capsys.readouterr().err


def test_scale_reaches_ergas_and_consistency(
    folders: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sr, hr = folders
    lr = tmp_path / "lr"
    lr.mkdir()
    for name in "abc":
        Image.fromarray(imresize(np.asarray(Image.open(hr / f"{name}.png")), 0.5)).save(lr / f"{name}_LR.png")
    (hr / "d.png").unlink()
    assert main(["measure", str(hr), str(lr), "--metric", "consistency", "--scale", "2", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["mean"] == {"consistency": "inf"}
    assert "notes" not in found["pictures"]["a"]
    pair = [str(sr / "a.bmp"), str(hr / "a.png"), "--metric", "ergas", "--protocol", "rgb-noborder-v1", "--json"]
    figures = []
    for more in (["--scale", "2"], ["--scale", "4"], []):
        assert main(["measure", *pair, *more]) == 0
        figures.append(json.loads(capsys.readouterr().out))
    assert figures[0]["ergas"] == pytest.approx(2 * figures[1]["ergas"])
    assert figures[2]["ergas"] == figures[1]["ergas"]
    assert figures[2]["notes"] == ["ergas: for an enlargement of x4 (no scale was given)"]
