"""Folders of pictures: what files hold, what is asked for, and what is said where they cannot be used."""

import logging
import shutil
from pathlib import Path

import numpy as np
import pytest
import pyvips
from drawn import folder_of, noise
from PIL import Image

from superres.data.pictures import Pictures, same_bands
from superres.data.shrunk import Shrunk
from superres.images.resize import imresize
from superres.types import BadInput, BadRequest

EIGHT = noise(9, 11, 0)
SIXTEEN = np.random.default_rng(1).integers(0, 65536, (9, 11, 3)).astype(np.uint16)


def one(folder: Path, **how: object) -> np.ndarray:
    return Pictures(folder, cache="memory", **how)[0]  # type: ignore[arg-type]


@pytest.mark.parametrize("ending", ["png", "bmp", "tif", "ppm"])
def test_colour_and_gray_are_read_as_they_are(tmp_path: Path, ending: str) -> None:
    for name, picture in (("colour", EIGHT), ("gray", EIGHT[..., 0])):
        (tmp_path / name).mkdir()
        Image.fromarray(picture).save(tmp_path / name / f"a.{ending}")
        np.testing.assert_array_equal(one(tmp_path / name), picture.reshape(9, 11, -1))


@pytest.mark.parametrize("ending", ["png", "tif", "ppm"])
@pytest.mark.parametrize("bands", [1, 3])
def test_sixteen_bits_are_kept(tmp_path: Path, ending: str, bands: int) -> None:
    if ending == "ppm":
        head = b"P%d\n11 9\n65535\n" % (5 if bands == 1 else 6)
        (tmp_path / "a.ppm").write_bytes(head + SIXTEEN[..., :bands].astype(">u2").tobytes())
    else:
        kind = "grey16" if bands == 1 else "rgb16"
        pyvips.Image.new_from_array(SIXTEEN[..., :bands], interpretation=kind).write_to_file(
            str(tmp_path / f"a.{ending}")
        )
    found = one(tmp_path)
    assert found.dtype == np.uint16
    np.testing.assert_array_equal(found, SIXTEEN[..., :bands])


def test_alpha_is_left_out_and_palettes_become_colours(tmp_path: Path) -> None:
    (tmp_path / "alpha").mkdir()
    Image.fromarray(np.dstack([EIGHT, EIGHT[..., 0]])).save(tmp_path / "alpha" / "a.png")
    np.testing.assert_array_equal(one(tmp_path / "alpha"), EIGHT)
    (tmp_path / "palette").mkdir()
    few = Image.fromarray(EIGHT // 128 * 255).quantize(8)
    few.save(tmp_path / "palette" / "a.png")
    np.testing.assert_array_equal(one(tmp_path / "palette"), np.asarray(few.convert("RGB")))


def test_bands_are_made_as_asked(tmp_path: Path) -> None:
    folder_of(tmp_path / "gray", [(5, 6)], bands=1)
    folder_of(tmp_path / "colour", [(5, 6)])
    gray = noise(5, 6, 0, bands=1)
    np.testing.assert_array_equal(one(tmp_path / "gray", bands=3), np.dstack([gray] * 3))
    luma = np.floor(noise(5, 6, 0) @ [0.299, 0.587, 0.114] + 0.5)
    np.testing.assert_array_equal(one(tmp_path / "colour", bands=1)[..., 0], luma)
    with pytest.raises(BadRequest, match="bands=2"):
        Pictures(tmp_path / "gray", bands=2)
    mixed = Pictures([tmp_path / "gray", tmp_path / "colour"])
    with pytest.raises(BadInput, match=r"gray/p0.png has 1 band.*colour/p0.png has 3.*bands=3"):
        same_bands(mixed)


@pytest.mark.parametrize("cache", ["memory", "disk", "none", "auto"])
def test_however_they_are_kept_they_are_the_same(tmp_path: Path, cache: str) -> None:
    folder = folder_of(tmp_path / "hr", [(12, 9), (7, 15)])
    pictures = Pictures(folder, cache=cache)  # type: ignore[arg-type]
    plain = Pictures(folder, cache="memory")
    assert pictures.names == ("p0.png", "p1.png")
    assert tuple(pictures.shapes) == ((12, 9, 3), (7, 15, 3))
    for k in range(2):
        np.testing.assert_array_equal(pictures[k], plain[k])
    assert pictures.content == plain.content
    assert pictures.fingerprints == plain.fingerprints
    with pytest.raises(BadRequest, match="cache 'shelf' is not known"):
        Pictures(folder, cache="shelf")  # type: ignore[arg-type]


def test_folders_are_searched_as_asked(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "hr", [(4, 4)])
    folder_of(folder / "inside", [(5, 5)])
    folder_of(folder / ".hidden", [(6, 6)])
    (folder / "notes.txt").write_text("none of these")
    (folder / "p9_HR.png").write_bytes((folder / "p0.png").read_bytes())
    assert Pictures(folder).names == ("inside/p0.png", "p0.png", "p9_HR.png")
    assert Pictures(folder, recursive=False).names == ("p0.png", "p9_HR.png")
    assert Pictures(folder, match="*_HR.*").names == ("p9_HR.png",)
    with pytest.raises(BadRequest, match="twice"):
        Pictures([folder, folder])


def test_content_follows_names_and_bytes_alone(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "hr", [(4, 4), (5, 5)])
    content = Pictures(folder).content
    shutil.copytree(folder, tmp_path / "copy")
    assert Pictures(tmp_path / "copy").content == content
    (folder / "p1.png").rename(folder / "q1.png")
    assert Pictures(folder).content != content


def test_what_a_picture_shows_does_not_depend_on_its_format(tmp_path: Path) -> None:
    for ending in ("png", "bmp"):
        (tmp_path / ending).mkdir()
        Image.fromarray(EIGHT).save(tmp_path / ending / f"a.{ending}")
    gray = Image.fromarray(EIGHT[..., 0])
    for name, picture in (("gray", gray), ("repeated", gray.convert("RGB"))):
        (tmp_path / name).mkdir()
        picture.save(tmp_path / name / "a.png")
    prints = {path.name: Pictures(path).fingerprints for path in tmp_path.iterdir()}
    assert prints["png"] == prints["bmp"]
    assert prints["gray"] == prints["repeated"] != prints["png"]


@pytest.mark.parametrize("cache", ["memory", "disk"])
def test_a_broken_picture_is_named_or_left_out(tmp_path: Path, cache: str, caplog: pytest.LogCaptureFixture) -> None:
    folder = folder_of(tmp_path / "hr", [(40, 40), (41, 41), (42, 42)])
    whole = (folder / "p1.png").read_bytes()
    (folder / "p1.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(BadInput, match=r"p1.png: cannot be decoded .*repair or remove it"):
        Pictures(folder, cache=cache)  # type: ignore[arg-type]
    with caplog.at_level(logging.WARNING, "superres.data"):
        pictures = Pictures(folder, cache=cache, broken="skip")  # type: ignore[arg-type]
    assert "left out: " in caplog.text
    assert "p1.png" in caplog.text
    assert pictures.names == ("p0.png", "p2.png")
    np.testing.assert_array_equal(pictures[1], noise(42, 42, 2))
    low = Shrunk(pictures, scale=2)
    np.testing.assert_array_equal(low[1], imresize(noise(42, 42, 2), 0.5))


@pytest.mark.parametrize(
    "content", [b"", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"II*\0\xff\xff", b"P6\n3 3\n65535\nab", b"?" * 99]
)
def test_whatever_a_file_holds_the_error_names_it(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "odd.png").write_bytes(content)
    with pytest.raises(BadInput, match="odd.png"):
        Pictures(tmp_path)


def test_folders_without_use_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no such folder"):
        Pictures(tmp_path / "nothing")
    with pytest.raises(BadRequest, match="no pictures found"):
        Pictures(tmp_path)


@pytest.mark.parametrize("cache", ["memory", "disk", "none"])
@pytest.mark.parametrize("scale", [2, 3])
def test_whole_pictures_are_reduced_as_matlab_does(tmp_path: Path, cache: str, scale: int) -> None:
    pictures = Pictures(folder_of(tmp_path / "hr", [(20, 31), (26, 22)]), cache=cache)  # type: ignore[arg-type]
    small, back = Shrunk(pictures, scale=scale), Shrunk(pictures, scale=scale, then="enlarged")
    for k in range(2):
        hr = pictures[k]
        hr = hr[: hr.shape[0] // scale * scale, : hr.shape[1] // scale * scale]
        np.testing.assert_array_equal(small[k], imresize(hr, 1 / scale))
        np.testing.assert_array_equal(back[k], imresize(imresize(hr, 1 / scale), scale))
        assert small.shapes[k] == small[k].shape
        assert back.shapes[k] == hr.shape
