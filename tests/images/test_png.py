"""PNG as it is written here: the same file however it came about, and what other readers say of it."""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from superres.images import exif as tags
from superres.images import png
from superres.images.picture import PictureInfo


def noise(height: int, width: int, bands: int, sample: str = "uint8") -> np.ndarray:
    """Smooth with some noise: what deflate finds something in."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:height, :width]
    most = np.iinfo(sample).max
    smooth = (np.sin(x / 9) + np.cos(y / 7) + 2)[..., None] / 4 * most * 0.9
    return (smooth + rng.integers(0, most // 16 + 2, (height, width, bands))).astype(sample)


def written(path: Path, pixels: np.ndarray, cuts: tuple[int, ...] = (), level: int = 2, **more: object) -> bytes:
    height, width, bands = pixels.shape
    info = PictureInfo(path, "png", width, height, bands, bands in (2, 4), pixels.dtype.name, **more)
    png.write_png(path, info, iter(np.split(pixels, cuts)), level=level)
    return path.read_bytes()


def chunks(content: bytes) -> list[tuple[bytes, bytes]]:
    found, at = [], 8
    while at < len(content):
        (length,) = struct.unpack(">I", content[at : at + 4])
        kind, body = content[at + 4 : at + 8], content[at + 8 : at + 8 + length]
        assert struct.unpack(">I", content[at + 8 + length : at + 12 + length])[0] == zlib.crc32(kind + body)
        found.append((kind, body))
        at += 12 + length
    return found


def test_a_file_depends_on_neither_strips_nor_threads(tmp_path, monkeypatch):
    pixels = noise(700, 900, 3)
    whole = written(tmp_path / "a.png", pixels)
    assert sum(kind == b"IDAT" for kind, _ in chunks(whole)) > 5  # several pieces
    assert written(tmp_path / "b.png", pixels, (1, 2, 3, 250, 250, 699)) == whole
    monkeypatch.setattr(png, "_WORKERS", 1)
    assert written(tmp_path / "c.png", pixels, (31, 400)) == whole


@pytest.mark.parametrize("level", range(10))
@pytest.mark.parametrize("igzip", [True, False])
def test_every_level_is_read_by_zlib_and_pillow(tmp_path, monkeypatch, level, igzip):
    if igzip:
        pytest.importorskip("isal")
    else:
        monkeypatch.setattr(png, "isal_zlib", None)
    pixels = noise(300, 500, 3)
    content = written(tmp_path / "p.png", pixels, (17,), level)
    lines = zlib.decompress(b"".join(body for kind, body in chunks(content) if kind == b"IDAT"))
    assert len(lines) == 300 * (1 + 1500)
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(content))), pixels)
    assert level == 0 or len(content) < pixels.size


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 700), (700, 1), (3, 262_143 // 3), (2, 262_142)])
@pytest.mark.parametrize(("bands", "sample"), [(1, "uint8"), (2, "uint8"), (3, "uint16"), (4, "uint16")])
def test_awkward_sizes(tmp_path, height, width, bands, sample):
    pixels = noise(height, width, bands, sample)
    content = written(tmp_path / "p.png", pixels)
    lines = zlib.decompress(b"".join(body for kind, body in chunks(content) if kind == b"IDAT"))
    rows = np.frombuffer(lines, np.uint8).reshape(height, -1)
    assert set(rows[:, 0]) == {2}
    samples = np.cumsum(rows[:, 1:], axis=0, dtype=np.uint8)  # what the filter undoes
    stored = samples.view(">u2" if sample == "uint16" else np.uint8).reshape(pixels.shape)
    assert np.array_equal(stored, pixels)


def test_no_larger_than_in_one_piece(tmp_path, monkeypatch):
    pixels = noise(900, 1100, 3)
    many = len(written(tmp_path / "a.png", pixels))
    monkeypatch.setattr(png, "_PIECE", 1 << 30)
    assert many < 1.005 * len(written(tmp_path / "b.png", pixels))


def test_exif_tells_of_the_new_picture_and_keeps_the_rest_to_the_byte(tmp_path):
    block = Image.Exif()
    block[tags.X_RESOLUTION], block[tags.Y_RESOLUTION] = 72.0, 72.0
    block[0x010F] = "Drawn camera"
    block.get_ifd(tags.EXIF).update({0xA002: 100, 0xA003: 80, 0x927C: b"maker's own, with offsets"})
    given = block.tobytes()[6:]
    content = written(tmp_path / "p.png", noise(160, 200, 3), exif=given, dpi=(144.0, 150.0))
    (kept,) = (body for kind, body in chunks(content) if kind == b"eXIf")
    back = Image.Exif()
    back.load(kept)
    assert (back[tags.X_RESOLUTION], back[tags.Y_RESOLUTION], back[0x010F]) == (144, 150, "Drawn camera")
    inner = back.get_ifd(tags.EXIF)
    assert (inner[0xA002], inner[0xA003], inner[0x927C]) == (200, 160, b"maker's own, with offsets")
    assert len(kept) == len(given)
    assert kept.index(b"maker's own") == given.index(b"maker's own")


@pytest.mark.parametrize("cut", range(0, 60, 7))
def test_a_broken_exif_block_goes_on_as_it_is_or_patched_within(tmp_path, cut):
    block = Image.Exif()
    block[tags.X_RESOLUTION] = 72.0
    given = block.tobytes()[6:][:cut]
    assert len(tags.resized(given, (4, 4), (10.0, 10.0))) == len(given)
