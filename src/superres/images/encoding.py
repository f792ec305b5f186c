"""The encoders of libvips, their settings, and the few bytes they get wrong."""

import mmap
import struct
from pathlib import Path
from typing import TYPE_CHECKING, Any

from superres.images import exif as tags
from superres.images.bigtiff import RowStream
from superres.images.picture import PictureInfo
from superres.images.vips import library

if TYPE_CHECKING:
    from superres.images.write import WriteOptions

_BIG = 3_900_000_000  # bytes of pixels from which on a TIFF's 32-bit offsets may not do
_LEVEL = 4  # of a TIFF's deflate: half the time of the usual 6, at 1 to 4 % more bytes
JPEG_WHOLE = 16_000_000  # pixels up to which a JPEG may be held whole for better tables
_NO_DPI = 72.0  # what EXIF takes as meant where nothing is said


def save(stream: RowStream, path: Path, info: PictureInfo, options: "WriteOptions") -> None:
    """Encode the stream's rows into a file; raises libvips' own errors."""
    vips = library()
    source = vips.SourceCustom()
    source.on_read(stream.read)
    source.on_seek(stream.seek)
    image = vips.Image.tiffload_source(source, access="sequential", fail_on="error")
    x, y = info.dpi or (_NO_DPI, _NO_DPI)
    image = image.copy(interpretation=_interpretation(info), xres=x / 25.4, yres=y / 25.4)
    _describe(image, info)
    settings = _settings(info, options)
    settings["keep"] = _keep(info)
    saver = "heifsave" if info.format == "avif" else info.format + "save"
    getattr(image, saver)(str(path), **settings)


def _interpretation(info: PictureInfo) -> str:
    if info.bands > 4:
        return "multiband"
    gray = info.bands < 3
    return {
        "uint8": "b-w" if gray else "srgb",
        "uint16": "grey16" if gray else "rgb16",
        "float32": "b-w" if gray else "scrgb",
    }[info.sample]


def _describe(image: Any, info: PictureInfo) -> None:
    kinds = library().GValue
    for name in list(image.get_fields()):
        if name in ("orientation", "n-pages", "page-height", "resolution-unit", "image-description"):
            image.remove(name)
    image.set_type(kinds.gstr_type, "resolution-unit", "in")
    for name, blob in (("icc-profile-data", info.icc), ("xmp-data", info.xmp)):
        if blob:
            image.set_type(kinds.blob_type, name, blob)
    if info.iptc and info.format == "jpeg":
        image.set_type(kinds.blob_type, "iptc-data", tags.iptc_segment(info.iptc))
    if info.exif:
        image.set_type(kinds.blob_type, "exif-data", b"Exif\0\0" + info.exif)
    if info.frames > 1:
        image.set_type(kinds.gint_type, "page-height", info.height)
    if info.delays:
        image.set_type(kinds.array_int_type, "delay", list(info.delays))
        image.set_type(kinds.gint_type, "loop", info.loop)


def _keep(info: PictureInfo) -> str:
    kept = [name for name in ("exif", "icc", "xmp", "iptc") if getattr(info, name)]
    if info.format in ("webp", "avif") and info.dpi and not info.exif:
        kept.append("exif")  # these know a resolution only as EXIF; libvips makes the block
    if info.format in ("webp", "gif") or info.format == "tiff":
        kept.append("other")
    return ":".join(kept) or "none"


def _settings(info: PictureInfo, options: "WriteOptions") -> dict[str, Any]:
    quality = options.quality or 90
    chroma = "on" if options.subsampling in (None, "4:2:0") else "off"
    if info.format == "jpeg":
        # optimised tables save a few per cent, but the encoder then holds the whole picture
        return {"Q": quality, "subsample_mode": chroma, "optimize_coding": info.width * info.height <= JPEG_WHOLE}
    if info.format == "webp":
        return {"lossless": True, "exact": True} if options.lossless else {"Q": quality}
    if info.format == "avif":
        depth = 12 if info.sample == "uint16" else 8
        how: dict[str, Any] = {"compression": "av1", "bitdepth": depth, "effort": 4}
        how["lossless" if options.lossless else "Q"] = True if options.lossless else quality
        return how | ({} if options.lossless else {"subsample_mode": chroma})
    if info.format == "tiff":
        return _tiff(info, options, quality)
    return {"effort": 7}


def _tiff(info: PictureInfo, options: "WriteOptions", quality: int) -> dict[str, Any]:
    compression = options.compression or "deflate"
    if compression in ("jpeg", "webp") and (info.sample != "uint8" or info.alpha or info.bands > 3):
        compression = "deflate"  # those two hold 8-bit colour only
    size = info.width * info.height * info.frames * info.bands * {"uint8": 1, "uint16": 2, "float32": 4}[info.sample]
    how: dict[str, Any] = {
        "compression": compression,
        "predictor": "float" if info.sample == "float32" else "horizontal",
        "Q": quality,
        "bigtiff": size > _BIG if options.bigtiff is None else options.bigtiff,
        "resunit": "inch",
    }
    if compression == "deflate":
        how["level"] = _LEVEL
    if options.tile:
        how |= {"tile": True, "tile_width": options.tile[0], "tile_height": options.tile[1]}
    return how


def finish(path: Path, info: PictureInfo) -> None:
    """Bring into the file what libvips cannot write: no resolution where there is none, EXIF in TIFF."""
    if info.format == "tiff":
        _finish_tiff(path, info)
    elif info.dpi is None and info.format == "jpeg":
        with path.open("rb+") as file:
            head = bytearray(file.read(4096))
            _no_density_jpeg(head)
            file.seek(0)
            file.write(head)


def _no_density_jpeg(head: bytearray) -> None:
    if head.startswith(b"JFIF\0", 6):
        head[13:18] = struct.pack(">BHH", 0, 1, 1)


def _finish_tiff(path: Path, info: PictureInfo) -> None:
    """The first directory again at the file's end, with the EXIF block's tags and directories."""
    if info.exif is None and info.iptc is None and info.dpi is not None:
        return
    with path.open("rb+") as file:
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            block = tags.open_block(data)
            assert block is not None, "libvips wrote something that is no TIFF"
            entries, link = tags.directory(block, block.first)
            offset = 8 if block.big else 4
            following = int.from_bytes(data[link : link + offset], "little" if block.order == "<" else "big")
            end = len(data)
        if info.dpi is None:
            entries[tags.RESOLUTION_UNIT] = (3, 1, struct.pack(block.order + "H", 1))
        if info.iptc:
            entries[tags.IPTC] = (7, len(info.iptc), info.iptc)
        start = end + end % 2
        added = tags.adopted(info.exif, block, entries, start) if info.exif else b""
        file.seek(start)
        file.write(added)
        place = start + len(added)
        file.write(tags.encode(entries, place, order=block.order, big=block.big, following=following))
        file.seek(8 if block.big else 4)
        file.write(struct.pack(block.order + ("Q" if block.big else "I"), place))
