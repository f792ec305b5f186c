"""The public functions: the kind that goes in comes out."""

import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

import superres
from superres.images.resize import imresize
from superres.types import BadRequest, Upscaler


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float16, np.float32, np.float64])
@pytest.mark.parametrize("shape", [(12, 17), (12, 17, 1), (12, 17, 2), (12, 17, 3), (12, 17, 4), (12, 17, 6)])
def test_arrays_keep_kind_and_shape(dtype, shape):
    unit = np.random.default_rng(0).random(shape)
    x = (unit * (np.iinfo(dtype).max if np.issubdtype(dtype, np.integer) else 1)).astype(dtype)
    out = superres.upscale(x, 2, model="bicubic")
    assert out.dtype == dtype
    assert out.shape == (24, 34, *shape[2:])


def test_float_arrays_equal_imresize():
    x = np.random.default_rng(0).random((20, 23, 3), dtype=np.float32)
    assert np.abs(superres.upscale(x, 2, model="bicubic") - imresize(x, 2.0)).max() < 1e-5
    assert np.abs(superres.upscale(x, 0.5) - imresize(x, 0.5)).max() < 1e-5
    assert superres.upscale(x, size=(50, 40), model="bilinear").shape == (40, 50, 3)


@pytest.mark.parametrize(
    ("mode", "made"), [("L", "L"), ("LA", "LA"), ("RGB", "RGB"), ("RGBA", "RGBA"), ("P", "RGB"), ("1", "L"), ("F", "F")]
)
def test_pil_pictures(mode, made):
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 255, (9, 11, 3), np.uint8)).convert(mode)
    picture.info["dpi"] = (72, 72)
    out = superres.upscale(picture, 3, model="nearest")
    assert isinstance(out, Image.Image)
    assert (out.size, out.mode) == ((33, 27), made)
    assert out.info["dpi"] == (216, 216)


def test_paths(tmp_path):
    Image.new("RGB", (8, 6), (9, 8, 7)).save(tmp_path / "a.png")
    made = superres.upscale(tmp_path / "a.png", 2, model="bicubic")
    assert made == tmp_path / "a_x2.png"
    with Image.open(made) as picture:
        assert picture.size == (16, 12)
    with pytest.raises(BadRequest, match="exists already"):
        superres.upscale(str(tmp_path / "a.png"), 2, model="bicubic")
    other = superres.upscale(tmp_path / "a.png", 2, model="bicubic", output=tmp_path / "b.jpg")
    assert other == tmp_path / "b.jpg"


def test_wrong_things_are_named():
    x = np.zeros((4, 4, 3), np.uint8)
    with pytest.raises(BadRequest, match="modle"):
        superres.upscale(x, 2, modle="bicubic")
    with pytest.raises(BadRequest, match="int64"):
        superres.upscale(x.astype(np.int64), 2)
    with pytest.raises(BadRequest, match="no picture"):
        superres.upscale(x[:0], 2)
    with pytest.raises(BadRequest, match="a list"):
        superres.upscale([1, 2], 2)
    with pytest.raises(BadRequest, match="output="):
        superres.upscale(x, 2, output="a.png")


def test_load_gives_an_upscaler():
    net = superres.load("bicubic", scale=3)
    assert isinstance(net, Upscaler)
    assert net(np.zeros((1, 3, 5, 6), np.float32)).shape == (1, 3, 15, 18)


def test_import_is_light():
    code = (
        "import sys, superres; assert superres.__version__; "
        "print([m for m in ('numpy', 'torch', 'ncnn', 'PIL', 'pyvips') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
    assert {"upscale", "load", "measure", "__version__"} == set(dir(superres))
