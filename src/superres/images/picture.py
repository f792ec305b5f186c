"""The facts of one picture, apart from its pixels."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

SampleType = Literal["uint8", "uint16", "float32"]


@dataclass(frozen=True)
class PictureInfo:
    """What a picture file holds, after orientation was applied and colour was brought to gray or RGB.

    ``bands`` counts the alpha band. ``frames`` are pages of a multi-page TIFF or frames of an animation; all of
    one size. ``delays`` are in milliseconds, one per frame, empty where the file has none.
    """

    path: Path
    format: str  # png jpeg webp tiff avif gif bmp ppm
    width: int
    height: int
    bands: int
    alpha: bool
    sample: SampleType
    frames: int = 1
    delays: tuple[int, ...] = ()
    loop: int = 0
    dpi: tuple[float, float] | None = None
    icc: bytes | None = None
    exif: bytes | None = None
    xmp: bytes | None = None
    iptc: bytes | None = None
    quality: int | None = None  # of a JPEG or lossy WebP source, estimated from its tables
    subsampling: str | None = None  # "4:4:4", "4:2:0", ...
    lossless: bool = True
    compression: str | None = None  # TIFF
    tile: tuple[int, int] | None = None  # TIFF tile width and height
    warnings: tuple[str, ...] = field(default=())
