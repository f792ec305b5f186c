"""PSNR and SSIM against MATLAB's figures, on the pictures they were published for."""

import numpy as np
import pytest

from superres.functional.colour import matlab_gray, studio_luma
from superres.images.resize import imresize
from superres.metrics.psnr import PSNR
from superres.metrics.ssim import SSIM

from .reference import ABSENT, WHY, picture, rows, tensor

KINDS = ("psnr_y", "ssim_y", "psnr_y_round8", "ssim_y_round8", "psnr_gray", "ssim_gray", "ssim")


def luma(x, rounded: bool):
    if not rounded:
        return studio_luma(tensor(x))
    thousandths = x.astype(np.int64) @ np.array([65481, 128553, 24966])  # exact, so that halves are halves
    return tensor((thousandths + 127500) // 255000 + 16)


def gray(x):
    return (matlab_gray(tensor(x)) * 255 + 0.5).floor() / 255


def case(row):
    """Both pictures of a row, as its convention says."""
    if " -> imresize" in row["test"]:
        scale = int(row["test"].rstrip(")").split()[-1])
        test = imresize(picture(row["test"].split(" -> ")[0]), scale)
    else:
        test = picture(row["test"])
    reference = picture(row["ref"])
    if row["metric"].endswith("gray") or row["metric"] == "ssim":
        return gray(test), gray(reference)
    rounded = "round" in row["convention"] and "not rounded" not in row["convention"]
    scale = 2 if "x2" in row["ref"] or "SRF_2" in row["ref"] else 4
    return tuple(luma(x, rounded)[..., scale:-scale, scale:-scale] for x in (test, reference))


@pytest.mark.skipif(ABSENT, reason=WHY)
@pytest.mark.parametrize("row", [r for r in rows(*KINDS) if not r["ref"].startswith("piq")],
                         ids=lambda r: f"{r['metric']}-{r['test'][-30:]}")  # fmt: skip
def test_matlab(row) -> None:
    metric = PSNR() if row["metric"].startswith("psnr") else SSIM()
    found = float(metric(*case(row)))
    near = max(1e-5, float(row["tol"])) if row["tol"] != "not set" else 5e-5
    assert found == pytest.approx(float(row["value"]), abs=near)


def test_the_table_is_read_whole() -> None:
    if not ABSENT:
        assert len(rows(*KINDS)) > 50
        assert {row["metric"] for row in rows(*KINDS)} == set(KINDS)
        assert np.asarray(picture("tid2013_pyiqa/ref/I03.bmp")).shape == (384, 512, 3)
