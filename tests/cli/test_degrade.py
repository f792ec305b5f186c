"""``superres degrade``: pictures under their own names, draws beside them, replay, and what is refused."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from superres.cli.main import main
from superres.images.picture import PictureInfo
from superres.images.read import open_picture
from superres.images.resize import imresize
from superres.images.write import write_array

SET5 = Path(__file__).parents[2] / "../shared/data/benchmarks/Set5"


def drawn(height: int = 48, width: int = 64, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3)).astype(np.uint8)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """a.png, b.bmp, inner/c.png"""
    found = tmp_path / "in"
    (found / "inner").mkdir(parents=True)
    for i, name in enumerate(("a.png", "b.bmp", "inner/c.png")):
        Image.fromarray(drawn(seed=i)).save(found / name)
    return found


def pixels(file: Path) -> np.ndarray:
    return np.asarray(Image.open(file))


def degrade(*words: object) -> int:
    return main(["degrade", *map(str, words)])


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_bicubic_is_matlabs_bit_for_bit(folder: Path, tmp_path: Path, scale: int) -> None:
    assert degrade(folder, "-o", tmp_path / "out", "--scale", scale) == 0
    for name in ("a", "b"):
        hr = pixels(next(folder.glob(f"{name}.*")))
        hr = hr[: hr.shape[0] // scale * scale, : hr.shape[1] // scale * scale]
        np.testing.assert_array_equal(pixels(tmp_path / "out" / f"{name}.png"), imresize(hr, 1 / scale))
    assert not (tmp_path / "out/inner").exists()


@pytest.mark.slow
@pytest.mark.skipif(not SET5.exists(), reason="Set5 is not beside this clone")
def test_set5_through_the_verb(tmp_path: Path) -> None:
    assert degrade(SET5, "-o", tmp_path, "--scale", 3) == 0
    for file in SET5.iterdir():
        hr = pixels(file)
        hr = hr[: hr.shape[0] // 3 * 3, : hr.shape[1] // 3 * 3]
        np.testing.assert_array_equal(pixels(tmp_path / f"{file.stem}.png"), imresize(hr, 1 / 3))


def test_draws_are_kept_and_replayed_to_the_same_pixels(folder: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "one", tmp_path / "two"
    words = ("--recipe", "second-order", "--scale", 2, "--seed", 7, "--set", "noise=5,20", "--set", "ringing=1")
    assert degrade(folder, "-o", first, "--recursive", *words) == 0
    stored = json.loads((first / "draws.json").read_text())
    assert list(stored["pictures"]) == ["a.png", "b.png", "inner/c.png"]
    assert stored["set"] == {"noise": [5, 20], "ringing": 1}
    assert degrade(folder, "-o", second, "--recursive", "--replay", first / "draws.json") == 0
    for name in stored["pictures"]:
        np.testing.assert_array_equal(pixels(first / name), pixels(second / name))
    assert (second / "draws.json").read_bytes() == (first / "draws.json").read_bytes()


def test_a_pictures_draw_depends_on_seed_and_name_alone(folder: Path, tmp_path: Path) -> None:
    def made(name: str, *words: object) -> np.ndarray:
        assert degrade(*words, "-o", tmp_path / name, "--recipe", "photo", "--scale", 2) == 0
        return pixels(tmp_path / name / "b.png")

    alone = made("1", folder / "b.bmp", "--seed", 4)
    np.testing.assert_array_equal(made("2", folder, "--seed", 4), alone)
    assert np.any(made("3", folder / "b.bmp", "--seed", 5) != alone)


def test_sixteen_bits_stay_where_the_recipe_has_levels(tmp_path: Path) -> None:
    x = np.random.default_rng(0).integers(0, 65536, (40, 44, 3)).astype(np.uint16)
    write_array(tmp_path / "deep.png", PictureInfo(tmp_path, "png", 44, 40, 3, False, "uint16"), x)
    assert degrade(tmp_path / "deep.png", "-o", tmp_path / "out", "--scale", 4) == 0
    with open_picture(tmp_path / "out/deep.png") as picture:
        assert picture.info.sample == "uint16"
        np.testing.assert_array_equal(picture.rows(0, 0, 10), imresize(x, 1 / 4))
    assert degrade(tmp_path / "deep.png", "-o", tmp_path / "two", "--recipe", "jpeg") == 0
    with open_picture(tmp_path / "two/deep.png") as picture:
        assert picture.info.sample == "uint8"


def test_gray_stays_gray_and_transparency_is_left_behind(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    x = drawn()
    Image.fromarray(x[..., 0]).save(tmp_path / "gray.png")
    Image.fromarray(np.concatenate([x, x[..., :1]], -1)).save(tmp_path / "clear.png")
    assert degrade(tmp_path / "gray.png", tmp_path / "clear.png", "-o", tmp_path / "out", "--scale", 2) == 0
    np.testing.assert_array_equal(pixels(tmp_path / "out/gray.png"), imresize(x[..., 0], 0.5))
    np.testing.assert_array_equal(pixels(tmp_path / "out/clear.png"), imresize(x, 0.5))
    assert "clear.png: its transparency is left behind" in capsys.readouterr().err


def test_a_size_that_does_not_divide_is_cropped_and_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    x = drawn(50, 67)
    Image.fromarray(x).save(tmp_path / "odd.png")
    assert degrade(tmp_path / "odd.png", "-o", tmp_path / "out") == 0
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "cropped from 67x50 to 64x48" in said
    np.testing.assert_array_equal(pixels(tmp_path / "out/odd.png"), imresize(x[:48, :64], 1 / 4))


def test_broken_pictures_are_told_and_the_rest_goes_on(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "aa.png").write_bytes((folder / "a.png").read_bytes()[:400])
    (folder / "ab.png").write_bytes(b"")
    Image.fromarray(drawn(2, 3)).save(folder / "ac.png")
    assert degrade(folder, "-o", tmp_path / "out", "--recipe", "photo") == 1
    said = capsys.readouterr()
    errors = [line for line in said.err.splitlines() if "error" in line]
    assert len(errors) == 3
    assert all(line.startswith("superres: error: ") for line in errors)
    assert set(json.loads((tmp_path / "out/draws.json").read_text())["pictures"]) == {"a.png", "b.png"}
    assert not list((tmp_path / "out").glob(".*"))
    assert degrade(folder / "ab.png", "-o", tmp_path / "alone") == 3
    assert not (tmp_path / "alone/draws.json").exists()


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (("--recipe", "bicubc"), 2, "did you mean bicubic?"),
        (("--recipe", "bicubic-noise", "--set", "sigm=3"), 2, "did you mean sigma?"),
        (("--recipe", "bicubic-noise", "--set", "sigma=loud"), 2, "wanted a number"),
        (("--recipe", "isotropic", "--set", "width=1"), 2, "wanted 2 values"),
        (("--recipe", "isotropic", "--set", "width=3,1"), 2, "is no span"),
        (("--set", "levels"), 2, "write --set KEY=VALUE"),
        (("--set", "scale=3"), 2, "--scale"),
        (("--set", "levels=100000"), 2, "wanted 1 to 65535"),
        (("--recipe", "kernel-file"), 2, "--set file=VALUE"),
        (("--recipe", "kernel-file", "--set", "file=none.mat"), 3, "cannot be read"),
        (("--recipe", "gaussian8", "--scale", "5"), 2, "set width=LOW,HIGH"),
        (("--scale", "0"), 2, "scale 0"),
        (("--seed", "-1"), 2, "seed -1"),
        (("--replay", "none.json"), 3, "none.json"),
        (("--replay", "draws.json", "--seed", "3"), 2, "leave the flags away"),
    ],
)
def test_wrong_requests_are_one_line_before_anything_is_done(
    words: tuple[str, ...], status: int, said: str, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert degrade(folder, "-o", tmp_path / "out", *words) == status
    shown = capsys.readouterr()
    assert said in shown.err
    assert shown.err.count("\n") == 1
    assert shown.out == ""
    assert not (tmp_path / "out").exists()


def test_nothing_is_overwritten_unasked(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert degrade(folder, "-o", tmp_path / "out") == 0
    assert degrade(folder, "-o", tmp_path / "out", "--scale", 2) == 2
    assert "exists already" in capsys.readouterr().err
    assert pixels(tmp_path / "out/a.png").shape == (12, 16, 3)
    assert degrade(folder, "-o", tmp_path / "out", "--scale", 2, "--overwrite") == 0
    assert pixels(tmp_path / "out/a.png").shape == (24, 32, 3)
    assert degrade(folder / "a.png", "-o", folder, "--overwrite") == 2
    assert "is an input" in capsys.readouterr().err
    Image.fromarray(drawn()).save(folder / "a.bmp")
    assert degrade(folder, "-o", tmp_path / "clash") == 2
    assert "would both become" in capsys.readouterr().err
    assert degrade() == 2


def stored(folder: Path, tmp_path: Path) -> dict:
    assert degrade(folder, "-o", tmp_path / "out", "--recipe", "blur-subsample", "--scale", 3) == 0
    return json.loads((tmp_path / "out/draws.json").read_text())


@pytest.mark.parametrize(
    ("change", "status", "said"),
    [
        (lambda d: d.update(format="else"), 3, "is no file of draws"),
        (lambda d: d.update(recipe="blur-subsampel"), 2, "did you mean blur-subsample?"),
        (lambda d: d.update(scale="3"), 3, "wanted a int"),
        (lambda d: d.update(pictures={"a.png": 3}), 3, "has no draw"),
        (lambda d: d["set"].update(sigma="x"), 2, "wanted a number"),
        (lambda d: d["set"].update(sigm=2), 2, "did you mean sigma?"),
        (lambda d: d["pictures"]["a.png"].update(draw={"stages": []}), 1, "does not fit recipe"),
        (lambda d: d["pictures"]["a.png"]["draw"]["stages"][0].update(kernel={"width": "wide"}), 1, "does not fit"),
        (lambda d: d["pictures"]["a.png"]["draw"]["stages"][0].update(kernel={"width": 0.0}), 1, "does not fit"),
        (lambda d: d["pictures"]["a.png"].update(size=[3, 3]), 1, "the draw is for a picture of size"),
        (lambda d: d["pictures"].pop("a.png"), 1, "there is no draw for a.png"),
    ],
)
def test_spoiled_draws_are_refused(
    change: object, status: int, said: str, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = stored(folder, tmp_path)
    change(found)  # type: ignore[operator]
    (tmp_path / "d.json").write_text(json.dumps(found))
    capsys.readouterr()
    assert degrade(folder, "-o", tmp_path / "again", "--replay", tmp_path / "d.json") == status
    shown = capsys.readouterr().err
    assert said in shown
    assert "Traceback" not in shown


def test_garbage_is_no_file_of_draws(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for content in (b"{", os.urandom(50), b"[" * 100_000, b"[]"):
        (tmp_path / "d.json").write_bytes(content)
        assert degrade(folder, "-o", tmp_path / "out", "--replay", tmp_path / "d.json") == 3
        assert capsys.readouterr().err.count("\n") == 1


def test_the_list_names_every_recipe_with_its_parameters(capsys: pytest.CaptureFixture[str]) -> None:
    from superres.degradations.recipes import RECIPES

    assert degrade("--list") == 0
    shown = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in shown if not line.startswith(" ")] == list(RECIPES)
    assert "  sigma = 30.0   [a number]" in shown


def test_without_torch_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("superres.cli.degrade.find_spec", lambda _: None)
    assert degrade("a.png", "-o", "out") == 5
    assert "superres[torch]" in capsys.readouterr().err
