"""JPEG in tensor operations, against the real codec."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from superres.cli.scene import draw
from superres.degradations.jpeg import jpeg
from superres.functional.jpeg import soft_jpeg, tables
from superres.types import BadRequest

SCENE = draw()


def picture(height: int, width: int) -> np.ndarray:
    return np.ascontiguousarray(SCENE[:height, :width])


def tensor(x: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(x).permute(2, 0, 1)[None].float() / 255


@pytest.mark.parametrize("quality", [1, 10, 49, 50, 75, 95, 100])
def test_tables_are_those_that_the_codec_writes(quality: int) -> None:
    file = io.BytesIO()
    Image.fromarray(picture(16, 16)).save(file, "JPEG", quality=quality)
    written = Image.open(file).quantization  # type: ignore[attr-defined]
    for ours, theirs in zip(tables(quality), (written[0], written[1]), strict=True):
        assert ours.flatten().tolist() == list(theirs)


@pytest.mark.parametrize("size", [(120, 160), (61, 83)])
@pytest.mark.parametrize("subsampling", [0, 2])
@pytest.mark.parametrize("quality", [10, 30, 50, 75, 90, 95])
@pytest.mark.parametrize("rounding", ["hard", "straight"])
def test_pixels_are_within_one_step_of_the_codecs_in_the_mean(
    size: tuple[int, int], subsampling: int, quality: int, rounding: str
) -> None:
    """What is left comes from coefficients at a tie, which integer and float arithmetic round differently."""
    x = picture(*size)
    real = jpeg(x, quality, subsampling=subsampling).astype(float)
    y = soft_jpeg(tensor(x), quality, halved=subsampling == 2, rounding=rounding)  # type: ignore[arg-type]
    error = np.abs(y[0].permute(1, 2, 0).numpy() * 255 - real)
    assert error.mean() < 0.6
    assert np.mean(error <= 2) > 0.94
    assert error.mean() < 0.3 * np.abs(real - x).mean()


def test_gray_pictures_go_through_alone() -> None:
    x = picture(50, 70)[..., 1:2]
    error = np.abs(soft_jpeg(tensor(x), 60, rounding="hard")[0, 0].numpy() * 255 - jpeg(x, 60, subsampling=0)[..., 0])
    assert error.mean() < 0.3


def test_soft_rounding_is_near_hard_rounding() -> None:
    x = tensor(picture(120, 160))
    hard, soft = (soft_jpeg(x, 50, rounding=kind) for kind in ("hard", "soft"))  # type: ignore[arg-type]
    loss = float((hard - x).abs().mean())
    assert float((soft - hard).abs().mean()) < 0.3 * loss


def test_gradients_of_soft_rounding_are_right() -> None:
    """Against differences, where no sample is clipped; 4:2:0 goes through every operation."""
    x = (
        0.3 + 0.4 * torch.rand(1, 3, 5, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    ).requires_grad_()
    assert torch.autograd.gradcheck(lambda v: soft_jpeg(v, 80, rounding="soft"), (x,), eps=1e-7, atol=1e-4)


def test_straight_through_passes_gradients_and_hard_rounding_none() -> None:
    for rounding, passes in (("straight", True), ("hard", False)):
        x = tensor(picture(24, 24)).requires_grad_()
        soft_jpeg(x, 50, rounding=rounding).square().sum().backward()  # type: ignore[arg-type]
        assert x.grad is not None
        assert bool(x.grad.abs().sum() > 0) == passes


@pytest.mark.parametrize(
    "call",
    [
        lambda: soft_jpeg(torch.rand(1, 3, 8, 8), 0),
        lambda: soft_jpeg(torch.rand(1, 2, 8, 8), 50),
        lambda: soft_jpeg(torch.rand(1, 3, 8, 8), 50, rounding="smooth"),  # type: ignore[arg-type]
    ],
)
def test_impossible_requests_are_refused(call: object) -> None:
    with pytest.raises(BadRequest):
        call()  # type: ignore[operator]
