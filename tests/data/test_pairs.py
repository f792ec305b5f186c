"""Partners found by their names; every mismatch says which files and folders."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from drawn import folder_of, noise
from PIL import Image

from superres.data.pairs import Paired, pair_key
from superres.data.pictures import Pictures
from superres.types import BadInput


@pytest.mark.parametrize(
    ("hr", "lr"),
    [
        ("0001.png", "0001x4.png"),
        ("a/0001.png", "b/0001_x4.jpg"),
        ("baby_HR.png", "baby_LR.png"),
        ("baby_GT.png", "baby_lr_x2.png"),
        ("Canon_001_HR.png", "Canon_001_LR4.png"),
        ("img_001_SRF_4_HR.png", "img_001_SRF_4_LR.png"),
        ("001H.PNG", "001L.PNG"),
        ("baboon.png", "baboonLRx4.png"),
        ("sony_12_x4.png", "sony_12_x1.png"),
    ],
)
def test_endings_of_scale_and_side_do_not_count(hr: str, lr: str) -> None:
    assert pair_key(hr) == pair_key(lr)


@pytest.mark.parametrize(("one", "two"), [("0001.png", "0002.png"), ("light.png", "right.png"), ("x4.png", "x2.png")])
def test_other_names_do_not_pair(one: str, two: str) -> None:
    assert pair_key(one) != pair_key(two)


def pair(tmp_path: Path, low: dict[str, tuple[int, int]], scale: int = 2, **how: bool) -> Paired:
    hr = folder_of(tmp_path / "hr", [(8, 12), (10, 6)])
    (tmp_path / "lr").mkdir()
    for k, (name, size) in enumerate(low.items()):
        Image.fromarray(noise(*size, 10 + k)).save(tmp_path / "lr" / name)
    return Paired(Pictures(hr), Pictures(tmp_path / "lr"), scale=scale, **how)


def test_partners_come_in_the_order_of_the_high_resolution(tmp_path: Path) -> None:
    found = pair(tmp_path, {"p1x2.png": (5, 3), "p0x2.png": (4, 6)})
    np.testing.assert_array_equal(found[0], noise(4, 6, 11))
    np.testing.assert_array_equal(found[1], noise(5, 3, 10))
    assert found.shapes == ((4, 6, 3), (5, 3, 3))


def test_sizes_that_do_not_fit_name_both_files_sizes_and_folders(tmp_path: Path) -> None:
    with pytest.raises(BadInput) as error:
        pair(tmp_path, {"p0x2.png": (4, 6), "p1x2.png": (5, 4)})
    for part in (
        "hr/p1.png (6 x 10)",
        "lr/p1x2.png (4 x 5)",
        "3 x 5",
        "x2",
        str(tmp_path / "hr"),
        str(tmp_path / "lr"),
    ):
        assert part in str(error.value)


def test_input_enlarged_beforehand_is_its_own_kind(tmp_path: Path) -> None:
    low = {"p0.png": (8, 12), "p1.png": (10, 6)}
    with pytest.raises(BadInput, match="enlarge='given'"):
        pair(tmp_path, low)
    shutil.rmtree(tmp_path / "lr")
    assert pair(tmp_path, low, enlarged=True).shapes == ((8, 12, 3), (10, 6, 3))


def test_missing_partners_are_listed_on_both_sides(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"1 of 2 pictures of .*hr have no partner in .*lr: p1.png; 1 of 2 .*q.png"):
        pair(tmp_path, {"p0.png": (4, 6), "q.png": (4, 6)})


def test_ambiguous_partners_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"several partners: .*p0_LR.png and .*p0x2.png"):
        pair(tmp_path, {"p0x2.png": (4, 6), "p0_LR.png": (4, 6), "p1.png": (5, 3)})
    hr = folder_of(tmp_path / "twice", [(8, 12)])
    Image.fromarray(noise(8, 12, 0)).save(hr / "p0.bmp")
    with pytest.raises(BadInput, match=r"p0.bmp and .*p0.png have one stem"):
        Paired(Pictures(hr), Pictures(tmp_path / "lr", match="p0x2*"), scale=2)


def test_both_sides_may_lie_in_one_folder(tmp_path: Path) -> None:
    for name, size in {"001_HR": (8, 12), "001_LR2": (4, 6), "002_HR": (6, 6), "002_LR2": (3, 3)}.items():
        Image.fromarray(noise(*size, 0)).save(tmp_path / f"{name}.png")
    found = Paired(Pictures(tmp_path, match="*_HR.*"), Pictures(tmp_path, match="*_LR2.*"), scale=2)
    assert found.shapes == ((4, 6, 3), (3, 3, 3))
