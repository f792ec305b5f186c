"""Which picture belongs to which: the rule as it is documented, and nothing guessed."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from superres.bench.matching import bare_name, match
from superres.types import BadInput, BadRequest


def filled(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.zeros((2, 2), np.uint8)).save(folder / name)
    return folder


def pairs(test: Path, reference: Path, **more: object) -> dict[str, str]:
    found = match(test, reference, **more).pairs  # type: ignore[arg-type]
    return {name: path.relative_to(reference).as_posix() for name, _, path in found if path is not None}


@pytest.mark.parametrize(
    ("test", "reference"),
    [
        ("baby.bmp", "baby.png"),
        ("baby_x4.png", "baby.png"),
        ("babyx4.png", "baby.png"),
        ("baby-X4.png", "baby.png"),
        ("baby_4x.png", "baby.png"),
        ("baby_x2.5.png", "baby.png"),
        ("baby_x4_SR.png", "baby.png"),
        ("baby_SR.png", "baby_HR.png"),
        ("baby_SR_x4.png", "baby_HR_x4.png"),
        ("baby_sr.png", "baby_gt.png"),
        ("baby_out.jpg", "baby.png"),
        ("img_001_SRF_4_SR.png", "img_001_SRF_4_HR.png"),
        ("x4.png", "x4_HR.png"),
        ("SR.png", "SR_HR.png"),
    ],
)
def test_pairs(test: str, reference: str, tmp_path: Path) -> None:
    sr, hr = filled(tmp_path / "sr", test), filled(tmp_path / "hr", reference)
    assert pairs(sr, hr) == {Path(test).stem: reference}
    assert pairs(hr, sr) == {Path(reference).stem: test}


@pytest.mark.parametrize(("test", "reference"), [("baby_RCAN.png", "baby.png"), ("babySR.png", "baby.png"),
                                                 ("boy.png", "baby.png"), ("a/baby.png", "b/baby.png")])  # fmt: skip
def test_no_pairs(test: str, reference: str, tmp_path: Path) -> None:
    sr, hr = filled(tmp_path / "sr", test), filled(tmp_path / "hr", reference)
    with pytest.raises(BadRequest, match="--suffix adds yours"):
        match(sr, hr, recursive=True)


def test_suffixes_of_the_user(tmp_path: Path) -> None:
    sr, hr = filled(tmp_path / "sr", "baby_RCAN_x2.png"), filled(tmp_path / "hr", "baby_HR_x2.png")
    assert pairs(sr, hr, suffixes=["_RCAN"]) == {"baby_RCAN_x2": "baby_HR_x2.png"}
    assert bare_name("a.b+_x4.b+", [".b+"]) == "a"


def test_an_equal_name_comes_first_and_what_is_left_is_listed(tmp_path: Path) -> None:
    sr = filled(tmp_path / "sr", "a.png", "a_x4.png", "b_x4.png", "e.png")
    hr = filled(tmp_path / "hr", "a.png", "b.png", "d.png")
    found = match(sr, hr)
    assert pairs(sr, hr) == {"a": "a.png", "b_x4": "b.png"}
    assert (found.only_test, found.only_reference) == (("a_x4", "e"), ("d",))
    assert found.renamed == (("b_x4", "b"),)


def test_two_that_fit_are_refused(tmp_path: Path) -> None:
    hr = filled(tmp_path / "hr", "a.png")
    with pytest.raises(BadRequest, match="a_SR and a_x4 are all a without their suffixes"):
        match(filled(tmp_path / "sr", "a_x4.png", "a_SR.png"), hr)
    with pytest.raises(BadRequest, match="a and a_HR are all a"):
        match(filled(tmp_path / "one", "a_SR.png"), filled(hr, "a_HR.png"))
    with pytest.raises(BadRequest, match="have one name"):
        match(filled(tmp_path / "two", "a.png", "a.bmp"), hr)


def test_sub_folders(tmp_path: Path) -> None:
    sr = filled(tmp_path / "sr", "one/a_x4.png", "two/a.png", "two/.hidden/b.png")
    hr = filled(tmp_path / "hr", "one/a.png", "two/a.png", "a.png")
    assert pairs(sr, hr, recursive=True) == {"one/a_x4": "one/a.png", "two/a": "two/a.png"}
    assert match(sr, hr, recursive=True).only_reference == ("a",)
    with pytest.raises(BadInput, match="only its sub-folders hold pictures; --recursive"):
        match(sr, hr)
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadInput, match="holds no pictures"):
        match(tmp_path / "empty", hr, recursive=True)
    with pytest.raises(BadInput, match="no such folder"):
        match(tmp_path / "nowhere", hr, recursive=True)
