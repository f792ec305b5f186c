"""The conventions, against what other programs were measured to give on the same pictures."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from superres.bench.explaining import _SIMILARITIES, nearest, readings, trimmed
from superres.bench.measuring import measure
from superres.functional.colour import matlab_gray
from superres.types import BadRequest

PICTURES = Path(__file__).parents[2] / "../shared/data/metrics/tid2013_pyiqa"
# from a comparison of the libraries on I03, I04, I06 (gray); the window's own value is MATLAB's
OTHERS = {
    "ssim 7x7": (0.66518, 0.99786, 0.99891),
    "ssim reflect": (0.70152, 0.99779, 0.99884),
    "ssim reduced": (0.64229, 0.99935, 0.99968),
}


@pytest.mark.skipif(not PICTURES.exists(), reason="the reference pictures are not beside this clone")
@pytest.mark.parametrize("name", sorted(OTHERS))
def test_other_similarities_are_what_those_programs_give(name: str) -> None:
    call = next(one for one in _SIMILARITIES if one[0] == name)[2]
    for number, wanted in zip(("03", "04", "06"), OTHERS[name], strict=True):
        pair = [np.asarray(Image.open(PICTURES / kind / f"I{number}.bmp")) for kind in ("dist", "ref")]
        x, y = (matlab_gray(torch.from_numpy(one / 255).permute(2, 0, 1)[None]) for one in pair)
        x, y = ((one * 255 + 0.5).floor() / 255 for one in (x, y))
        assert float(call(x, y)) == pytest.approx(wanted, abs=3e-5)


def pair() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(4)
    hr = np.asarray(
        Image.fromarray(rng.integers(0, 256, (9, 11, 3), np.uint8)).resize((88, 72), Image.Resampling.BICUBIC)
    )
    return np.clip(hr + rng.integers(-9, 10, hr.shape), 0, 255).astype(np.uint8), hr


def test_every_reading_is_what_measure_says() -> None:
    sr, hr = pair()
    rows = readings(sr, hr, 4)
    assert rows[0].convention == "y-studio-v1"
    named = [row for row in rows if row.psnr is not None]
    assert len(named) >= 10
    for row in named:
        found = measure(sr, hr, protocol=row.convention, scale=4).values
        assert (row.psnr, row.ssim) == (found["psnr"], found["ssim"])
    by_name = {row.convention: row for row in rows}
    studio, full = by_name["y-studio-v1"].psnr, by_name["y-full-v1"].psnr
    assert studio is not None
    assert full is not None
    assert full - studio == pytest.approx(20 * math.log10(219 / 255), abs=1e-2)
    assert "y-truncated-v1" not in by_name
    assert "y-float-v1" in {row.convention for row in readings(sr / 255, hr, 4)}


def test_a_target_names_the_convention() -> None:
    sr, hr = pair()
    rows = readings(sr, hr, 4)
    rgb = next(row for row in rows if row.convention == "rgb-v1")
    assert rgb.psnr is not None
    assert rgb.ssim is not None
    assert nearest(rows, round(rgb.psnr, 5))[0][0].convention == "rgb-v1"
    assert nearest(rows, round(rgb.ssim, 7))[0][0].convention in ("rgb-v1", "rgb-mean-v1")


def test_gray_pictures_have_no_colours_to_choose_from() -> None:
    sr, hr = (x[..., 0] for x in pair())
    names = {row.convention for row in readings(sr, hr, 4)}
    assert {"y-studio-v1", "y-noborder-v1"} <= names
    assert not names & {"rgb-v1", "y-709-v1"}


def test_what_a_scale_leaves_over() -> None:
    sr, hr = pair()
    reference, said = trimmed(hr, sr[:70, :87], 4)
    assert reference.shape == (70, 87, 3)
    assert said == "1 columns at the right and 2 rows at the bottom of the reference were left out"
    with pytest.raises(BadRequest, match="differ by more than what a scale of 4 leaves over"):
        trimmed(hr, sr[:60], 4)
