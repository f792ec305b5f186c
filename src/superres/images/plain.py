"""Formats that libvips does not write: BMP and PPM, row by row, and animated PNG through Pillow.

Source: BITMAPINFOHEADER (Microsoft), netpbm's ppm(5) and pgm(5).
"""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from superres.images.picture import PictureInfo
from superres.types import BadOutput

Rows = npt.NDArray[Any]


def write_ppm(path: Path, info: PictureInfo, rows: Iterator[Rows]) -> None:
    """P5 or P6; 16-bit samples are big-endian."""
    most = 255 if info.sample == "uint8" else 65535
    with path.open("xb") as file:
        file.write(f"P{5 if info.bands == 1 else 6}\n{info.width} {info.height}\n{most}\n".encode())
        for part in rows:
            file.write(np.ascontiguousarray(part.astype(">u2") if most > 255 else part).data)


def write_bmp(path: Path, info: PictureInfo, rows: Iterator[Rows]) -> None:
    """24-bit, or 8-bit with a gray palette; stored bottom row first, as all readers understand."""
    gray = info.bands == 1
    line = (info.width * info.bands + 3) // 4 * 4
    palette = b"".join(bytes((k, k, k, 0)) for k in range(256)) if gray else b""
    start = 54 + len(palette)
    if start + line * info.height >= 2**32:
        raise BadOutput(f"BMP holds at most 4 GB and {info.width}x{info.height} needs more; use PNG or TIFF")
    x, y = (round(d / 0.0254) for d in info.dpi or (0.0, 0.0))
    depth = 8 if gray else 24
    with path.open("xb") as file:
        file.write(struct.pack("<2sIHHI", b"BM", start + line * info.height, 0, 0, start))
        file.write(struct.pack("<IiiHHIIiiII", 40, info.width, info.height, 1, depth, 0, 0, x, y, len(palette) // 4, 0))
        file.write(palette)
        below = info.height
        for part in rows:
            below -= len(part)
            padded = np.zeros((len(part), line), np.uint8)
            padded[:, : info.width * info.bands] = part[::-1, :, ::-1].reshape(len(part), -1)
            file.seek(start + below * line)
            file.write(padded.data)


def _frames(info: PictureInfo, rows: Iterator[Rows]) -> Iterator[Rows]:
    waiting: list[Rows] = []
    count = 0
    for part in rows:
        waiting.append(part)
        count += len(part)
        if count < info.height:
            continue
        whole = np.concatenate(waiting)
        while len(whole) >= info.height:
            yield whole[: info.height]
            whole = whole[info.height :]
        waiting, count = [whole], len(whole)


def write_apng(path: Path, info: PictureInfo, rows: Iterator[Rows]) -> None:
    """Every frame whole and in its own right, so that none shows through another."""
    from PIL import Image, PngImagePlugin

    frames = (Image.fromarray(np.ascontiguousarray(x[..., 0] if info.bands == 1 else x)) for x in _frames(info, rows))
    notes = PngImagePlugin.PngInfo()
    if info.xmp:
        notes.add_itxt("XML:com.adobe.xmp", info.xmp.decode("utf-8", "replace"))
    facts: dict[str, Any] = {"duration": list(info.delays), "loop": info.loop, "blend": 0, "disposal": 0}
    if info.icc:
        facts["icc_profile"] = info.icc
    if info.exif:
        facts["exif"] = info.exif
    if info.dpi:
        facts["dpi"] = info.dpi
    first = next(frames)
    first.save(path, format="PNG", save_all=True, append_images=list(frames), pnginfo=notes, **facts)
