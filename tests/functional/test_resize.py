"""imresize on tensors: the same pixels as the NumPy hand, the adjoint law, gradients."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from superres.functional.resize import imresize
from superres.images import resize as arrays
from superres.types import BadRequest

SHARED = Path(__file__).parents[2] / "../shared/data/metrics/selfexsr/data/Set5"
METHODS = ("nearest", "bilinear", "bicubic")


def batch(x: np.ndarray, levels: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return torch.from_numpy(x.astype(np.float64) / levels).to(dtype).permute(2, 0, 1)[None]


def steps(y: torch.Tensor, levels: int, dtype: type) -> np.ndarray:
    return np.rint(y[0].permute(1, 2, 0).double().numpy() * levels).astype(dtype)


@pytest.mark.skipif(not SHARED.exists(), reason="the MATLAB-made Set5 pictures are not beside this clone")
@pytest.mark.parametrize("scale", [2, 4])
@pytest.mark.parametrize("index", range(1, 6))
def test_matlab_low_resolution_pictures_have_no_differing_sample(scale: int, index: int) -> None:
    folder = SHARED / f"image_SRF_{scale}"
    hr = np.asarray(Image.open(folder / f"img_00{index}_SRF_{scale}_HR.png").convert("RGB"))
    lr = np.asarray(Image.open(folder / f"img_00{index}_SRF_{scale}_LR.png").convert("RGB"))
    assert np.count_nonzero(steps(imresize(batch(hr, 255), 1 / scale, levels=255), 255, np.uint8) != lr) == 0


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("scale", [1 / 4, 1 / 3, 0.37, 1 / 8, 1.0, 1.7, 2, 3])
@pytest.mark.parametrize(("levels", "kind"), [(255, np.uint8), (65535, np.uint16)])
def test_rounded_passes_equal_the_array_hand_bit_for_bit(scale: float, method: str, levels: int, kind: type) -> None:
    """One side is above, the other below the length where bands take over; a third of all scales has ties."""
    x = np.random.default_rng(0).integers(0, levels + 1, (90, 290, 3)).astype(kind)
    for dtype in (torch.float32, torch.float64):
        y = imresize(batch(x, levels, dtype), scale, method=method, levels=levels)  # type: ignore[arg-type]
        assert y.dtype == dtype
        assert np.count_nonzero(steps(y, levels, kind) != arrays.imresize(x, scale, method=method)) == 0  # type: ignore[arg-type]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("antialias", [None, True, False])
@pytest.mark.parametrize("edge", ["clamp", "symmetric"])
@settings(deadline=None, max_examples=40)
@given(
    size=st.tuples(st.integers(1, 30), st.integers(1, 30)),
    out=st.tuples(st.integers(1, 40), st.integers(1, 40)),
)
def test_floats_equal_the_array_hand(
    method: str, antialias: bool | None, edge: str, size: tuple[int, int], out: tuple[int, int]
) -> None:
    x = np.random.default_rng(1).random((*size, 2))
    more = {"size": out, "method": method, "antialias": antialias, "edge": edge}
    y = imresize(torch.from_numpy(x).permute(2, 0, 1)[None], **more)  # type: ignore[arg-type]
    np.testing.assert_allclose(y[0].permute(1, 2, 0).numpy(), arrays.imresize(x, **more), atol=1e-12)  # type: ignore[arg-type]


@pytest.mark.parametrize("scale", [1 / 4, 0.6, 2.5])
@pytest.mark.parametrize("shape", [(40, 31), (20, 300)])
def test_the_gradient_is_the_adjoint(scale: float, shape: tuple[int, int]) -> None:
    """<Rx, y> = <x, R'y>, where R' is what the gradient computes; in banded and in whole products."""
    rng = torch.Generator().manual_seed(0)
    x = torch.rand((2, 3, *shape), dtype=torch.float64, generator=rng).requires_grad_()
    r = imresize(x, scale)
    y = torch.rand(r.shape, dtype=torch.float64, generator=rng)
    (adjoint,) = torch.autograd.grad((r * y).sum(), x)
    probe = torch.rand(x.shape, dtype=torch.float64, generator=rng)
    torch.testing.assert_close((imresize(probe, scale) * y).sum(), (probe * adjoint).sum(), rtol=1e-12, atol=0)


def test_matrices_first_made_in_inference_can_be_trained_with() -> None:
    with torch.inference_mode():
        imresize(torch.rand(1, 1, 17, 23), 0.77)
    x = torch.rand(1, 1, 17, 23, requires_grad=True)
    imresize(x, 0.77).sum().backward()
    assert x.grad is not None


def test_other_layouts_give_the_same_picture() -> None:
    x = torch.rand(2, 3, 40, 50)
    turned = x.contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(imresize(turned, 0.5), imresize(x, 0.5), atol=1e-6, rtol=0)
    assert torch.equal(imresize(turned, 1 / 3, levels=255), imresize(x, 1 / 3, levels=255))


@pytest.mark.parametrize(
    "call",
    [
        lambda: imresize(torch.rand(3, 4, 4), 2),
        lambda: imresize(torch.rand(1, 0, 4, 4), 2),
        lambda: imresize(torch.rand(1, 1, 4, 4).half(), 2),
        lambda: imresize(torch.rand(1, 1, 4, 4)),
        lambda: imresize(torch.rand(1, 1, 4, 4), -1),
        lambda: imresize(torch.rand(1, 1, 4, 4), size=(0, 1)),
        lambda: imresize(torch.rand(1, 1, 4, 4), 2, method="lanczos"),  # type: ignore[arg-type]
    ],
)
def test_impossible_requests_are_refused(call: object) -> None:
    with pytest.raises(BadRequest):
        call()  # type: ignore[operator]
