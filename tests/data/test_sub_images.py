"""SRCNN's sub-images: their grid, their count, and the authors' arithmetic."""

from pathlib import Path

import numpy as np
import pytest
import torch
from drawn import Same, folder_of, noise
from hypothesis import given
from hypothesis import strategies as st

from superres.data.decode import size_of
from superres.data.sub_images import SubImages, grid
from superres.images.resize import imresize
from superres.terms.source import Source
from superres.types import BadInput, BadRequest

T91 = Path(__file__).parents[2] / "../shared/data/train/T91"


@given(height=st.integers(1, 120), width=st.integers(1, 120), size=st.integers(1, 40), stride=st.integers(1, 20))
def test_the_grid_holds_every_place_that_a_whole_sub_image_fits_behind(
    height: int, width: int, size: int, stride: int
) -> None:
    corners = grid(height, width, size=size, stride=stride)
    rows = (height - size) // stride + 1 if height >= size else 0
    columns = (width - size) // stride + 1 if width >= size else 0
    assert len(corners) == len(set(corners)) == rows * columns
    assert all(y % stride == x % stride == 0 and y + size <= height and x + size <= width for y, x in corners)


@pytest.mark.skipif(not T91.exists(), reason="the 91 training pictures are not beside this clone")
@pytest.mark.parametrize(("scale", "count"), [(2, 21_910), (3, 21_884), (4, 21_772)])
def test_the_91_pictures_give_as_many_as_the_authors_script(scale: int, count: int) -> None:
    """21 884 at x3, where the paper says "roughly 24,800": no grid of 33 pixels and stride 14 gives that on these."""
    sizes = [size_of(path) for path in T91.iterdir()]
    corners = [grid(h // scale * scale, w // scale * scale, size=33, stride=14) for h, w in sizes]
    assert sum(map(len, corners)) == count


@pytest.mark.slow
@pytest.mark.skipif(not T91.exists(), reason="the 91 training pictures are not beside this clone")
def test_the_91_pictures_as_a_source() -> None:
    source = SubImages(str(T91), scale=3)
    assert len(source) == source.facts()["per_epoch"] == 21_884
    assert source(0)["lr"].shape == (128, 1, 33, 33)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return folder_of(tmp_path / "hr", [(50, 63), (20, 70), (49, 48)])


def luma(x: np.ndarray) -> np.ndarray:
    return (x @ np.array([65.481, 128.553, 24.966]) / 255 + 16) / 255


def whole(source: SubImages) -> dict[str, list[tuple[np.ndarray, np.ndarray]]]:
    found: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {}
    for step in range(len(source)):
        sample = source(step)
        pair = sample["lr"][0].permute(1, 2, 0).numpy(), sample["hr"][0].permute(1, 2, 0).numpy()
        found.setdefault(sample["name"][0], []).append(pair)
    return found


def test_an_epoch_is_every_sub_image_once_and_the_target_is_the_middle(folder: Path) -> None:
    source = SubImages(folder, scale=3, batch=1)
    assert isinstance(source, Source)
    found = whole(source)
    assert {name: len(pairs) for name, pairs in found.items()} == {"p0.png": 6, "p2.png": 4}
    y = np.floor(luma(noise(50, 63, 0)[:48]) * 255 + 0.5) / 255
    soft = imresize(imresize(y, 1 / 3), 3).clip(0, 1)
    expected = {
        (soft[i : i + 33, j : j + 33].astype(np.float32).tobytes()): (i, j) for i in (0, 14) for j in (0, 14, 28)
    }
    places = set()
    for lr, hr in found["p0.png"]:
        i, j = expected[lr.tobytes()]
        places.add((i, j))
        np.testing.assert_allclose(hr[..., 0], y[i + 6 : i + 27, j + 6 : j + 27], atol=1e-7)
    assert len(places) == 6


def test_as_pictures_are_tested_the_input_is_an_eight_bit_file(folder: Path) -> None:
    source = SubImages(folder, scale=3, batch=1, precision="uint8", target=33)
    hr = noise(50, 63, 0)[:48]
    soft = imresize(luma(imresize(hr, 1 / 3)), 3)
    for lr, sharp in whole(source)["p0.png"]:
        (i, j) = next(
            (i, j) for i in (0, 14) for j in (0, 14, 28) if np.allclose(luma(hr)[i : i + 33, j : j + 33], sharp[..., 0])
        )
        np.testing.assert_allclose(lr[..., 0], soft[i : i + 33, j : j + 33], atol=1e-6)


def test_colour_other_degradations_and_turns(folder: Path) -> None:
    rgb = SubImages(folder, scale=2, colour="rgb", batch=4, flip=True, rotate=True)
    assert rgb(0)["lr"].shape == (4, 3, 33, 33)
    half = SubImages(folder, scale=2, colour="rgb", batch=4, degradation=Same(), target=33)(0)
    assert torch.allclose(half["lr"], half["hr"] * 0.5)
    turned = SubImages(folder, scale=2, colour="rgb", batch=4, degradation=Same(), target=33, rotate=True)(0)
    assert torch.allclose(turned["lr"], turned["hr"] * 0.5)
    assert not torch.equal(turned["hr"], half["hr"])


def test_shares_make_up_the_batch(folder: Path) -> None:
    source = SubImages(folder, scale=2, batch=6, flip=True)
    for step in (0, 5):
        parts = [source(step, (k, 3)) for k in range(3)]
        assert torch.equal(torch.cat([part["hr"] for part in parts]), source(step)["hr"])


def test_what_cannot_be_is_refused(folder: Path) -> None:
    with pytest.raises(BadRequest, match="target=20 does not lie in the middle of size=33"):
        SubImages(folder, scale=2, target=20)
    with pytest.raises(BadInput, match="no picture has 99 x 99"):
        SubImages(folder, scale=2, size=99)
    with pytest.raises(BadRequest, match="luma or rgb"):
        SubImages(folder, scale=2, colour="lab")  # type: ignore[arg-type]
    gray = folder_of(folder.parent / "gray", [(40, 40)], bands=1)
    with pytest.raises(BadInput, match="3 bands"):
        SubImages(gray, scale=2, colour="rgb")
    assert len(SubImages(gray, scale=2)) == 1
