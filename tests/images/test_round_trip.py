"""What goes into a picture file comes out of it again, for every format and every thing a file can hold."""

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from superres.images.formats import check_fits, losses
from superres.images.picture import PictureInfo
from superres.images.read import open_picture
from superres.images.write import WriteOptions, write_array
from superres.types import BadOutput

ICC = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"/></x:xmpmeta>'


def drawn(height=37, width=53, bands=3, dtype="uint8"):
    y, x = np.mgrid[0:height, 0:width] / max(height, width)
    layers = [np.stack([x, y, 1 - x, 0.3 + 0.6 * y, x * y, y * y, x * x][:bands], -1)]
    unit = layers[0]
    if dtype == "float32":
        return (unit * 3 - 1).astype(np.float32)
    most = np.iinfo(dtype).max
    return np.round(unit * most).astype(dtype)


def exif(orientation=6):
    block = Image.Exif()
    block[0x0112] = orientation
    block[0x010F] = "Drawn camera"
    block.get_ifd(0x8769)[0x9003] = "2020:01:02 03:04:05"
    return block.tobytes()


def info_of(pixels, kind, frames=1, **more):
    height, width, bands = pixels.shape
    return PictureInfo(
        Path("drawn"), kind, width, height // frames, bands, bands in (2, 4), pixels.dtype.name, frames, **more
    )


def read(path):
    with open_picture(path) as picture:
        info = picture.info
        return info, np.concatenate([picture.rows(f, 0, info.height) for f in range(info.frames)])


EXACT = [
    ("png", "uint8", (1, 2, 3, 4)),
    ("png", "uint16", (1, 2, 3, 4)),
    ("tiff", "uint8", (1, 2, 3, 4, 7)),
    ("tiff", "uint16", (1, 2, 3, 4, 7)),
    ("tiff", "float32", (1, 2, 3, 4, 5)),
    ("ppm", "uint8", (1, 3)),
    ("ppm", "uint16", (1, 3)),
    ("bmp", "uint8", (1, 3)),
    ("webp", "uint8", (3, 4)),
]


@pytest.mark.parametrize(("kind", "dtype", "bands"), [(k, d, b) for k, d, all_ in EXACT for b in all_])
def test_pixels_return_exactly(tmp_path, kind, dtype, bands):
    pixels = drawn(bands=bands, dtype=dtype)
    path = tmp_path / f"p.{kind}"
    write_array(path, info_of(pixels, kind), pixels, WriteOptions(lossless=True))
    info, back = read(path)
    assert (info.format, info.bands, info.sample, info.alpha) == (kind, bands, dtype, bands in (2, 4))
    assert np.array_equal(back, pixels)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("kind", ["jpeg", "webp", "avif", "gif"])
def test_lossy_formats_return_nearly(tmp_path, kind):
    pixels = drawn()
    write_array(tmp_path / "p", info_of(pixels, kind), pixels, WriteOptions(quality=95))
    info, back = read(tmp_path / "p")
    assert (info.format, info.width, info.height) == (kind, 53, 37)
    assert np.abs(back[..., :3].astype(int) - pixels).mean() < 4


@pytest.mark.parametrize("kind", ["png", "jpeg", "webp", "tiff", "avif"])
def test_metadata_returns(tmp_path, kind):
    pixels = drawn()
    held = info_of(pixels, kind, icc=ICC, xmp=XMP, exif=exif(1)[6:], dpi=(300.0, 200.0))
    write_array(tmp_path / "p", held, pixels)
    info, _ = read(tmp_path / "p")
    assert info.icc == ICC
    assert info.xmp is not None
    assert b"adobe:ns:meta" in info.xmp
    assert info.dpi == pytest.approx((300, 200), abs=0.5)
    read_back = Image.Exif()
    read_back.load(info.exif)
    assert read_back[0x010F].strip("\0") == "Drawn camera"
    assert read_back.get_ifd(0x8769)[0x9003].strip("\0") == "2020:01:02 03:04:05"


@pytest.mark.parametrize("kind", ["png", "jpeg", "webp", "tiff"])
def test_no_resolution_is_invented(tmp_path, kind):
    pixels = drawn()
    write_array(tmp_path / "p", info_of(pixels, kind), pixels)
    info, _ = read(tmp_path / "p")
    assert info.dpi is None
    assert (info.exif, info.icc, info.xmp) == (None, None, None)


@pytest.mark.parametrize("kind", ["jpeg", "tiff"])
def test_iptc_returns(tmp_path, kind):
    records = b"\x1c\x02\x78\x00\x05drawn"
    write_array(tmp_path / "p", info_of(drawn(), kind, iptc=records), drawn())
    assert read(tmp_path / "p")[0].iptc == records
    with Image.open(tmp_path / "p") as opened:
        from PIL import IptcImagePlugin

        assert IptcImagePlugin.getiptcinfo(opened)[(2, 120)] == b"drawn"


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_orientation_is_applied_once(tmp_path, kind, orientation):
    pixels = drawn(24, 40)
    block = Image.Exif()
    block[0x0112] = orientation
    more = {"tiffinfo": block} if kind == "TIFF" else {"exif": block}
    picture = Image.fromarray(pixels)
    picture.save(tmp_path / "p", kind, **({"lossless": True} if kind == "WEBP" else {}), **more)
    from PIL import ImageOps

    with Image.open(tmp_path / "p") as opened:
        wanted = np.asarray(ImageOps.exif_transpose(opened).convert("RGB"))
    info, back = read(tmp_path / "p")
    assert back.shape == wanted.shape
    assert np.abs(back.astype(int) - wanted).max() <= (8 if kind == "JPEG" else 0)
    write_array(tmp_path / "q", info, back)
    with Image.open(tmp_path / "q") as opened:
        assert opened.getexif().get(0x0112, 1) == 1
    assert read(tmp_path / "q")[1].shape == wanted.shape


def test_palette_with_transparency_becomes_rgba(tmp_path):
    picture = Image.fromarray(drawn()).quantize(16)
    picture.save(tmp_path / "p.png", transparency=3)
    info, back = read(tmp_path / "p.png")
    with Image.open(tmp_path / "p.png") as opened:
        assert np.array_equal(back, np.asarray(opened.convert("RGBA")))
    assert (info.bands, info.alpha) == (4, True)
    assert 0 in back[..., 3]


def test_one_bit_is_promoted(tmp_path):
    bits = drawn()[..., 0] > 100
    Image.fromarray(bits).save(tmp_path / "p.png")
    Image.fromarray(bits).save(tmp_path / "p.pbm", "PPM")
    for name in ("p.png", "p.pbm"):
        assert np.array_equal(read(tmp_path / name)[1][..., 0], np.where(bits, 255, 0))


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_cmyk_becomes_srgb_with_one_warning(tmp_path, kind):
    cmyk = Image.fromarray(drawn()).convert("CMYK")
    cmyk.save(tmp_path / "p", kind)
    info, back = read(tmp_path / "p")
    assert info.bands == 3
    assert len(info.warnings) == 1
    assert "CMYK" in info.warnings[0]
    assert info.icc is not None
    profile = ImageCms.ImageCmsProfile(io.BytesIO(info.icc))
    assert profile.profile.xcolor_space.strip() == "RGB"
    assert np.corrcoef(back.ravel(), drawn().ravel())[0, 1] > 0.8


@pytest.mark.parametrize("kind", ["jpg", "tif"])
def test_cmyk_goes_through_the_profile_it_carries(tmp_path, kind):
    import pyvips

    patches = np.zeros((32, 48, 3), np.uint8)
    patches[:, :16], patches[:, 16:32], patches[:, 32:] = (180, 60, 60), (60, 140, 80), (230, 230, 230)
    srgb = pyvips.Image.new_from_array(patches).copy(interpretation="srgb")
    srgb.icc_export(output_profile="cmyk").write_to_file(str(tmp_path / f"p.{kind}"))
    info, back = read(tmp_path / f"p.{kind}")
    assert len(info.warnings) == 1
    assert "embedded profile" in info.warnings[0]
    with Image.open(tmp_path / f"p.{kind}") as picture:  # LittleCMS by another road
        carried = ImageCms.ImageCmsProfile(io.BytesIO(picture.info["icc_profile"]))
        wanted = ImageCms.profileToProfile(
            picture,
            carried,
            ImageCms.createProfile("sRGB"),
            renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
            outputMode="RGB",
            flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
    assert np.abs(back.astype(int) - np.asarray(wanted)).max() <= 3
    assert np.ptp(back[16].astype(int), axis=0).min() > 100


def test_lossless_avif_returns_exactly(tmp_path):
    pixels = drawn()
    write_array(tmp_path / "p", info_of(pixels, "avif"), pixels, WriteOptions(lossless=True))
    assert np.array_equal(read(tmp_path / "p")[1], pixels)


@pytest.mark.parametrize("deep", [False, True])
def test_lab_becomes_srgb_with_one_warning(tmp_path, deep):
    pixels = drawn()
    if deep:
        import pyvips

        pyvips.Image.new_from_array(pixels).copy(interpretation="srgb").colourspace("lab").tiffsave(tmp_path / "p")
    else:
        srgb, lab = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
        ImageCms.profileToProfile(Image.fromarray(pixels), srgb, lab, outputMode="LAB").save(tmp_path / "p", "TIFF")
    info, back = read(tmp_path / "p")
    assert (info.bands, info.icc, len(info.warnings)) == (3, None, 1)
    unit = back / np.iinfo(back.dtype).max
    assert np.abs(unit - pixels / 255).mean() < 0.02


def test_premultiplied_tiff_becomes_straight(tmp_path):
    pixels = drawn(bands=4)
    pixels[..., 3] = 128
    import pyvips

    pyvips.Image.new_from_array(pixels).copy(interpretation="srgb").tiffsave(tmp_path / "p", premultiply=True)
    back = read(tmp_path / "p")[1]
    assert np.abs(back.astype(int) - pixels).max() <= 4  # a step of the stored colour is two of the straight one


@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:0"])
@pytest.mark.parametrize("quality", [35, 75, 90, 97])
def test_jpeg_quality_and_subsampling_are_read(tmp_path, quality, subsampling):
    pixels = drawn()
    Image.fromarray(pixels).save(tmp_path / "p", "JPEG", quality=quality, subsampling=subsampling)
    info, _ = read(tmp_path / "p")
    assert (info.quality, info.subsampling, info.lossless) == (quality, subsampling, False)
    write_array(tmp_path / "q", info, pixels, WriteOptions(quality=quality, subsampling=subsampling))
    again, _ = read(tmp_path / "q")
    assert (again.quality, again.subsampling) == (quality, subsampling)


def test_tiled_and_paged_tiff(tmp_path):
    pages = np.concatenate([drawn(64, 80), 255 - drawn(64, 80), drawn(64, 80)[::-1]])
    info = info_of(pages, "tiff", frames=3)
    write_array(tmp_path / "p", info, pages, WriteOptions(tile=(32, 48), compression="lzw"))
    back_info, back = read(tmp_path / "p")
    assert (back_info.frames, back_info.tile, back_info.compression) == (3, (32, 48), "lzw")
    assert np.array_equal(back, pages)


def test_pages_of_other_sizes_are_named(tmp_path):
    Image.fromarray(drawn()).save(tmp_path / "p", "TIFF", save_all=True, append_images=[Image.fromarray(drawn(9, 9))])
    info, back = read(tmp_path / "p")
    assert info.frames == 1
    assert "2 pages" in info.warnings[0]
    assert np.array_equal(back, drawn())


@pytest.mark.parametrize("kind", ["png", "webp", "gif"])
def test_animation(tmp_path, kind):
    frames = np.concatenate([drawn(bands=4), drawn(bands=4)[::-1], drawn(bands=4)[:, ::-1]])
    frames[..., 3] = np.where(frames[..., 0] > 30, 255, 0)
    held = info_of(frames, kind, frames=3, delays=(50, 100, 200), loop=3)
    write_array(tmp_path / "p", held, frames, WriteOptions(lossless=True))
    info, back = read(tmp_path / "p")
    assert (info.frames, info.delays, info.loop, info.alpha) == (3, (50, 100, 200), 3, True)
    seen = frames[..., 3] > 0
    assert np.array_equal(back[..., 3] > 0, seen)
    assert np.abs(back[seen].astype(int) - frames[seen]).mean() < (4 if kind == "gif" else 1e-9)


def test_overlapping_windows_and_going_back(tmp_path):
    pixels = drawn(300, 40)
    for kind in ("png", "jpeg", "tiff"):
        write_array(tmp_path / "p", info_of(pixels, kind), pixels)
        whole = read(tmp_path / "p")[1]
        with open_picture(tmp_path / "p") as picture:
            for top, height in [(0, 40), (24, 56), (64, 56), (200, 10), (190, 110), (3, 7), (5, 290)]:
                assert np.array_equal(picture.rows(0, top, height), whole[top : top + height])


def test_alpha_is_laid_over_white_where_it_cannot_be_held(tmp_path):
    pixels = np.zeros((8, 8, 4), np.uint8)
    info = info_of(pixels, "bmp")
    assert "white" in losses(info, "bmp")[0]
    write_array(tmp_path / "p", info, pixels)
    assert read(tmp_path / "p")[1].min() == 255


def test_losses_are_named_and_only_they():
    rich = info_of(drawn(dtype="float32"), "tiff", frames=1, icc=b"x", exif=b"x", xmp=b"x", iptc=b"x", dpi=(1.0, 1.0))
    assert losses(rich, "tiff") == []
    assert len(losses(rich, "bmp")) == 2
    assert any("IPTC" in s for s in losses(rich, "png"))
    moving = replace(rich, frames=4, delays=(10,) * 4, sample="uint8", iptc=None)
    assert losses(moving, "webp") == []
    assert any("3 are lost" in s for s in losses(moving, "jpeg"))


@pytest.mark.parametrize(("kind", "side"), [("webp", 16383), ("jpeg", 65535), ("gif", 65535), ("avif", 16384)])
def test_sizes_that_do_not_fit_are_refused(kind, side):
    check_fits(kind, side, 10, 3, "uint8")
    with pytest.raises(BadOutput, match=str(side)):
        check_fits(kind, 10, side + 1, 3, "uint8")
