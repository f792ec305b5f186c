"""One function per kind of decoder: a path to the facts of its picture and the source of its rows."""

import mmap
import re
import struct
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from superres.images import exif as tags
from superres.images.colour import normalise
from superres.images.headers import Header, read_header
from superres.images.pages import Pages, PillowPages, PlainPages, VipsPages, check_pixels, damaged, plain_mode
from superres.images.picture import PictureInfo, SampleType
from superres.images.vips import library
from superres.types import BadInput

Opened = tuple[PictureInfo, Pages]
_SAMPLES: dict[str, SampleType] = {"uchar": "uint8", "ushort": "uint16", "float": "float32"}
_LOADERS = {"avif": "heifload"}
_COMPRESSIONS = {
    1: "none", 2: "deflate", 3: "deflate", 4: "deflate", 5: "lzw", 6: "jpeg", 7: "jpeg", 8: "deflate",
    32773: "packbits", 32946: "deflate", 34925: "deflate", 50000: "zstd", 50001: "webp",
}  # fmt: skip


@dataclass
class TiffFacts:
    """What a TIFF's first directory says that libvips does not pass on."""

    dpi: tuple[float, float] | None = None
    exif: bytes | None = None
    iptc: bytes | None = None
    compression: str | None = None
    tile: tuple[int, int] | None = None
    lab8: bool = False


def read_tiff(path: Path) -> TiffFacts:
    """The facts; defaults where the directory is broken (the decoder will complain)."""
    facts = TiffFacts()
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        block = tags.open_block(data)
        if block is None:
            return facts
        try:
            entries, _ = tags.directory(block, block.first)
            exif = tags.exif_of_tiff(block, entries)
        except (ValueError, struct.error):
            return facts

    def first(tag: int, default: int) -> int:
        values = tags.numbers(entries.get(tag), block.order)
        return int(values[0]) if values else default

    facts.dpi, facts.exif = tags.dpi_of(entries, block.order), exif
    facts.iptc = entries[tags.IPTC][2] if tags.IPTC in entries else None
    facts.compression = _COMPRESSIONS.get(first(259, 1), "deflate")
    facts.tile = (first(322, 0), first(323, 0)) if first(322, 0) and first(323, 0) else None
    facts.lab8 = first(262, 1) in (8, 9) and first(258, 1) == 8
    return facts


def _load(path: Path, kind: str, access: str, **pages: int) -> Any:
    vips = library()
    options: dict[str, Any] = {"access": access, "fail_on": "error", **pages}
    return getattr(vips.Image, _LOADERS.get(kind, kind + "load"))(str(path), **options)


def _blob(image: Any, name: str) -> bytes | None:
    return bytes(image.get(name)) or None if image.get_typeof(name) else None


def _plain_exif(blob: bytes | None) -> bytes | None:
    """The block without its ``Exif`` marks; None where it is no block."""
    while blob and blob[:4] == b"Exif":
        blob = blob[4:].lstrip(b"\0")
    return blob if blob and tags.open_block(blob) else None


def _frames(image: Any, path: Path, kind: str) -> tuple[int, list[str]]:
    """How many frames of one size there are; where the sizes differ, one."""
    count = int(image.get("n-pages")) if image.get_typeof("n-pages") and kind != "avif" else 1
    if count < 2 or kind != "tiff":
        return max(1, count), []
    vips = library()
    try:
        tall = _load(path, kind, "sequential", n=-1)
        if tall.height == count * image.height and tall.bands == image.bands and tall.format == image.format:
            return count, []
    except vips.Error:
        pass
    return 1, [f"Only the first of {count} pages is kept: the others differ from it in size or kind."]


def open_vips(path: Path, max_pixels: int, *, kind: str) -> Opened:
    """Whatever libvips decodes."""
    vips = library()
    header = read_header(path, kind)
    if header.animated and kind == "png":
        return open_apng(path, max_pixels, header)
    facts = read_tiff(path) if kind == "tiff" else TiffFacts()
    if facts.lab8:
        return open_pillow(path, max_pixels, kind=kind)
    try:
        image = _load(path, kind, "sequential")
        check_pixels(image.width, image.height, 1, max_pixels)
        frames, warnings = _frames(image, path, kind)
        check_pixels(image.width, image.height, frames, max_pixels)
        return _describe(path, kind, image, frames, header, facts, warnings)
    except vips.Error as error:
        raise damaged(path, kind.upper(), error) from None


def _describe(
    path: Path, kind: str, image: Any, frames: int, header: Header, facts: TiffFacts, warnings: list[str]
) -> Opened:
    turn = int(image.get("orientation")) if image.get_typeof("orientation") and kind != "avif" else 1
    height = int(image.height)
    tall = frames > 1 and turn < 2

    def load(frame: int) -> Any:
        access = "sequential" if turn < 3 else "random"
        if frames == 1:
            return _upright(_load(path, kind, access), turn)[0]
        whole = _load(path, kind, access, n=-1)
        if not tall:
            whole = whole.crop(0, frame * height, whole.width, height)
        return _upright(whole, turn)[0]

    shown, more = _upright(image, turn)
    bands = _bands(path, kind, frames, shown)
    moving = _load(path, kind, "sequential", n=-1) if frames > 1 and kind != "tiff" else None
    exif = _plain_exif(_blob(image, "exif-data")) or facts.exif
    info = PictureInfo(
        path=path,
        format=kind,
        width=int(shown.width),
        height=int(shown.height),
        bands=bands,
        alpha=bands in (2, 4),
        sample=_SAMPLES[shown.format],
        frames=frames,
        delays=_delays(moving, frames),
        loop=int(moving.get("loop")) if moving is not None and moving.get_typeof("loop") else 0,
        dpi=_turned(header.dpi or facts.dpi or (tags.dpi_of_exif(exif) if exif else None), turn),
        icc=_blob(shown, "icc-profile-data"),
        exif=tags.upright(exif) if exif else None,
        xmp=_upright_xmp(_blob(image, "xmp-data")),
        iptc=facts.iptc if kind == "tiff" else tags.iptc_records(_blob(image, "iptc-data")),
        quality=header.quality,
        subsampling=header.subsampling,
        lossless=header.lossless and facts.compression != "jpeg",
        compression=facts.compression,
        tile=facts.tile,
        warnings=tuple(warnings + more),
    )
    return info, VipsPages(load, path, kind.upper(), info.height, tall)


def _bands(path: Path, kind: str, frames: int, shown: Any) -> int:
    """Bands of what ``load`` will give: all frames together may have alpha where the first alone has none."""
    if frames > 1 and kind != "tiff":
        return int(_load(path, kind, "sequential", n=-1).bands)
    return int(shown.bands)


def _upright(image: Any, turn: int) -> tuple[Any, list[str]]:
    image, warnings = normalise(image)
    return (image.autorot() if turn > 1 else image), warnings


def _turned(dpi: tuple[float, float] | None, turn: int) -> tuple[float, float] | None:
    return (dpi[1], dpi[0]) if dpi and turn > 4 else dpi


def _upright_xmp(xmp: bytes | None) -> bytes | None:
    """XMP may repeat the orientation: the value is set to 1 there too, leaving all else as it is."""
    if not xmp:
        return None
    return re.sub(rb"(tiff:Orientation(?:\s*=\s*[\"']|\s*>\s*))[2-8]", rb"\g<1>1", xmp)


def _delays(moving: Any, frames: int) -> tuple[int, ...]:
    if moving is None or not moving.get_typeof("delay"):
        return ()
    delays = [int(d) for d in moving.get("delay")][:frames]
    return tuple(delays + [100] * (frames - len(delays)))


def _pillow(path: Path, kind: str) -> Any:
    """The picture opened by its own plug-in, not ``Image.open``, whose size limit is another than ours."""
    from PIL import BmpImagePlugin, PngImagePlugin, PpmImagePlugin, TiffImagePlugin

    plugins: dict[str, Callable[[Any], Any]] = {
        "png": PngImagePlugin.PngImageFile,
        "bmp": BmpImagePlugin.BmpImageFile,
        "ppm": PpmImagePlugin.PpmImageFile,
        "tiff": TiffImagePlugin.TiffImageFile,
    }
    try:
        return plugins[kind](str(path))
    except Exception as error:  # noqa: BLE001  Pillow's parsers raise whatever they stumble over
        raise damaged(path, kind.upper(), error) from None


def _pillow_info(path: Path, kind: str, image: Any, mode: str) -> PictureInfo:
    samples: dict[str, SampleType] = {"I;16": "uint16", "F": "float32"}
    bands = {"L": 1, "LA": 2, "RGB": 3, "RGBA": 4}.get(mode, 1)
    held: dict[Any, Any] = image.info
    dpi = held.get("dpi")
    exif = _plain_exif(held.get("exif"))
    xmp = held.get("xmp")
    return PictureInfo(
        path=path,
        format=kind,
        width=int(image.width),
        height=int(image.height),
        bands=bands,
        alpha=bands in (2, 4),
        sample=samples.get(mode, "uint8"),
        dpi=(float(dpi[0]), float(dpi[1])) if dpi and min(dpi) > 0 else None,
        icc=held.get("icc_profile") or None,
        exif=tags.upright(exif) if exif else None,
        xmp=_upright_xmp(xmp.encode() if isinstance(xmp, str) else xmp),
    )


def open_pillow(path: Path, max_pixels: int, *, kind: str) -> Opened:
    """A still picture that Pillow decodes: BMP, PPM in text, Lab TIFF of 8 bits."""
    image = _pillow(path, kind)
    try:
        return _still(path, max_pixels, kind, image)
    except BaseException:
        image.close()
        raise


def _still(path: Path, max_pixels: int, kind: str, image: Any) -> Opened:
    check_pixels(image.width, image.height, 1, max_pixels)
    mode = plain_mode(image)
    info = _pillow_info(path, kind, image, mode)
    if image.mode == "LAB":
        facts = read_tiff(path)
        lost = [f"Only the first of {image.n_frames} pages is kept."] if image.n_frames > 1 else []
        info = replace(
            info,
            icc=None,
            exif=tags.upright(facts.exif) if facts.exif else None,
            compression=facts.compression,
            tile=facts.tile,
            warnings=("Lab colours were converted to sRGB.", *lost),
        )
    return info, PillowPages(image, path, kind.upper(), mode, range(1))


def open_apng(path: Path, max_pixels: int, header: Header) -> Opened:
    """An animated PNG; a default picture that is not part of the animation is left out."""
    image = _pillow(path, "png")
    try:
        return _moving(path, max_pixels, header, image)
    except BaseException:
        image.close()
        raise


def _moving(path: Path, max_pixels: int, header: Header, image: Any) -> Opened:
    first = 1 if image.default_image else 0
    try:
        count = int(image.n_frames) - first
        check_pixels(image.width, image.height, max(1, count), max_pixels)
        delays: list[int] = []
        for k in range(first, first + count):
            image.seek(k)
            delays.append(round(float(image.info.get("duration", 100))))
        image.seek(0)
    except BadInput:
        raise
    except Exception as error:  # noqa: BLE001  Pillow's parsers raise whatever they stumble over
        raise damaged(path, "PNG", error) from None
    if count < 1:
        raise BadInput("names an animation without frames; the file is damaged")
    mode = plain_mode(image)
    mode = "L" if mode == "I;16" else mode
    info = replace(
        _pillow_info(path, "png", image, mode),
        frames=count,
        delays=tuple(delays),
        loop=int(image.info.get("loop", 0)),
        dpi=header.dpi,
        warnings=("An animated PNG of 16 bits a sample is read with 8.",) if header.depth == 16 else (),
    )
    return info, PillowPages(image, path, "PNG", mode, range(first, first + count))


_PLAIN = re.compile(rb"P([56])(?:\s|#[^\n]*\n)+(\d+)(?:\s|#[^\n]*\n)+(\d+)(?:\s|#[^\n]*\n)+(\d+)\s")


def open_plain(path: Path, max_pixels: int) -> Opened:
    """A PPM or PGM: mapped where its samples are binary, by Pillow where they are text or bits."""
    with path.open("rb") as file:
        found = _PLAIN.match(file.read(4096))
    if found is None:
        return open_pillow(path, max_pixels, kind="ppm")
    if max(len(found.group(k)) for k in (2, 3, 4)) > 12:
        raise BadInput("its head names a size beyond all limits; the file is damaged")
    kind, width, height, most = (int(found.group(k)) for k in (1, 2, 3, 4))
    check_pixels(width, height, 1, max_pixels)
    if not 0 < most < 65536:
        raise BadInput(f"its largest sample is {most}; wanted 1 to 65535")
    bands = 3 if kind == 6 else 1
    need = found.end() + width * height * bands * (1 if most < 256 else 2)
    if path.stat().st_size < need:
        raise BadInput(f"is cut short: {path.stat().st_size} bytes where its size needs {need}")
    info = PictureInfo(path, "ppm", width, height, bands, False, "uint8" if most < 256 else "uint16")
    return info, PlainPages(path, width, bands, most, found.end())


OPENERS: dict[str, Callable[[Path, int], Opened]] = {
    **{kind: partial(open_vips, kind=kind) for kind in ("png", "jpeg", "webp", "tiff", "avif", "gif")},
    "bmp": partial(open_pillow, kind="bmp"),
    "ppm": open_plain,
}
