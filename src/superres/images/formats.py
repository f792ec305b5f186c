"""What each file format can hold: sizes, samples, alpha, frames and metadata; and what is lost where it cannot."""

from dataclasses import dataclass
from pathlib import Path

from superres.images.picture import PictureInfo, SampleType
from superres.types import BadOutput, BadRequest


@dataclass(frozen=True)
class Format:
    """One row of the table. ``most`` is the longest side; ``metadata`` names what the format keeps of a picture's."""

    title: str
    suffixes: tuple[str, ...]
    most: int
    samples: tuple[SampleType, ...] = ("uint8",)
    alpha: bool = True
    bands: int = 4
    animated: bool = False
    pages: bool = False
    metadata: frozenset[str] = frozenset()


_ALL = frozenset({"icc", "exif", "xmp", "iptc", "dpi"})
FORMATS: dict[str, Format] = {
    "png": Format("PNG", (".png", ".apng"), 2**31 - 1, ("uint8", "uint16"), animated=True, metadata=_ALL - {"iptc"}),
    "jpeg": Format("JPEG", (".jpg", ".jpeg", ".jpe", ".jfif"), 65535, alpha=False, metadata=_ALL),
    "webp": Format("WebP", (".webp",), 16383, animated=True, metadata=_ALL - {"iptc"}),
    "tiff": Format(
        "TIFF", (".tif", ".tiff"), 2**31 - 1, ("uint8", "uint16", "float32"), bands=4096, pages=True, metadata=_ALL
    ),
    "avif": Format("AVIF", (".avif",), 16384, ("uint8", "uint16"), metadata=_ALL - {"iptc"}),
    "gif": Format("GIF", (".gif",), 65535, animated=True),
    "bmp": Format("BMP", (".bmp", ".dib"), 2**31 - 1, alpha=False, metadata=frozenset({"dpi"})),
    "ppm": Format("PPM", (".ppm", ".pgm", ".pnm", ".pbm"), 2**31 - 1, ("uint8", "uint16"), alpha=False),
}
_VIPS_MOST = 10_000_000  # libvips refuses longer sides, whatever the format
_NAMES = {
    "icc": "the ICC colour profile",
    "exif": "the EXIF data",
    "xmp": "the XMP data",
    "iptc": "the IPTC data",
    "dpi": "the resolution (DPI)",
}


def format_of(path: Path) -> str | None:
    """The format that a file name's ending stands for, or None."""
    suffix = path.suffix.lower()
    return next((name for name, row in FORMATS.items() if suffix in row.suffixes), None)


def row_of(name: str) -> Format:
    """The table's row; :class:`BadRequest` where there is none."""
    if name not in FORMATS:
        raise BadRequest(f"picture format {name!r} is not known; use one of {', '.join(FORMATS)}")
    return FORMATS[name]


def stored_sample(name: str, sample: SampleType) -> SampleType:
    """The sample type that a format keeps a picture of ``sample`` in: the same, or the widest it has."""
    samples = row_of(name).samples
    return sample if sample in samples else samples[-1]


def kept_frames(info: PictureInfo, name: str) -> int:
    """How many of a picture's frames a format keeps: all or one. Pages (frames without delays) do not become
    an animation."""
    row = row_of(name)
    return info.frames if row.pages or (row.animated and info.delays) else 1


def check_fits(name: str, width: int, height: int, bands: int, sample: SampleType) -> None:
    """Refuse a size or number of bands that the format cannot hold, before anything is computed.

    Raises: BadOutput. ``sample`` only matters to multiband pictures that are not 8-bit.
    """
    row = row_of(name)
    most = min(row.most, _VIPS_MOST)
    if min(width, height) < 1:
        raise BadOutput(f"a picture of {width}x{height} pixels is empty and cannot be written")
    if max(width, height) > most:
        other = "PNG or TIFF" if max(width, height) <= _VIPS_MOST else "a smaller scale"
        raise BadOutput(
            f"{row.title} holds at most {most} pixels a side and the result would be {width}x{height}; use {other}"
        )
    if bands > row.bands:
        raise BadOutput(f"{row.title} holds at most {row.bands} bands and the {sample} picture has {bands}; use TIFF")


def losses(info: PictureInfo, name: str) -> list[str]:
    """What of a picture the format cannot hold: one sentence each."""
    row = row_of(name)
    title, lost = row.title, list[str]()
    if info.alpha and not row.alpha:
        lost.append(f"{title} has no transparency: the picture is laid over white.")
    elif info.alpha and name == "gif" and info.format != "gif":
        lost.append("GIF knows only opaque and transparent: partial transparency is lost.")
    if stored_sample(name, info.sample) != info.sample:
        depth = {"uint8": "8 bits", "uint16": "16 bits"}[stored_sample(name, info.sample)]
        was = "floating point" if info.sample == "float32" else "16 bits"
        lost.append(f"{title} has no samples of {was}: they are rounded to {depth}.")
    if name == "avif" and info.sample != "uint8" and info.format != "avif":
        lost.append("AVIF holds at most 12 bits a sample: the lowest bits are lost.")
    if name == "gif" and info.format != "gif":
        lost.append("GIF holds at most 256 colours a frame: colours are reduced.")
    kept = kept_frames(info, name)
    if kept < info.frames:
        lost.append(f"{title} keeps one frame: the other {info.frames - 1} are lost.")
    elif kept > 1 and info.delays and not row.animated:
        lost.append(f"{title} keeps the frames as pages: their timing is lost.")
    if kept > 1 and name == "png" and info.sample == "uint16":
        lost.append("An animated PNG is written with 8 bits a sample: the lower 8 bits are lost.")
    gone = [_NAMES[key] for key in _NAMES if getattr(info, key) is not None and key not in row.metadata]
    if gone:
        lost.append(f"{title} cannot hold {' and '.join([', '.join(gone[:-1]), gone[-1]] if gone[1:] else gone)}.")
    return lost
