"""What the heads of picture files say that decoders do not pass on: kind, quality, subsampling, density, animation.

Source: PNG 3rd edition (W3C 2025), ITU-T T.81 (JPEG), RFC 9649 (WebP).
"""

import contextlib
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

# T.81 Annex K, luminance, in the zigzag order of a DQT segment.
_LUMINANCE = (
    16, 11, 12, 14, 12, 10, 16, 14, 13, 14, 18, 17, 16, 19, 24, 40, 26, 24, 22, 22, 24, 49, 35, 37, 29, 40, 58, 51,
    61, 60, 57, 51, 56, 55, 64, 72, 92, 78, 64, 68, 87, 69, 55, 56, 80, 109, 81, 87, 95, 98, 103, 104, 103, 62, 77,
    113, 121, 112, 100, 120, 92, 101, 103, 99,
)  # fmt: skip
_SUBSAMPLING = {(1, 1): "4:4:4", (2, 1): "4:2:2", (2, 2): "4:2:0", (1, 2): "4:4:0", (4, 1): "4:1:1", (4, 2): "4:1:0"}


@dataclass
class Header:
    """Facts of one file's head."""

    dpi: tuple[float, float] | None = None
    quality: int | None = None
    subsampling: str | None = None
    lossless: bool = True
    animated: bool = False
    depth: int = 8


def sniff(head: bytes) -> str | None:
    """The format that a file's first bytes name, or None."""
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if head.startswith(b"\xff\xd8"):
        return "jpeg"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "webp"
    if head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return "tiff"
    if head[4:8] == b"ftyp":
        size = int.from_bytes(head[:4], "big")
        brands = head[8 : max(12, min(size, len(head)))]
        return "avif" if b"avif" in brands or b"avis" in brands else None
    if head[:6] in (b"GIF87a", b"GIF89a"):
        return "gif"
    if head[:2] == b"BM":
        return "bmp"
    return "ppm" if len(head) > 2 and head[:1] == b"P" and head[1:2] in b"123456" and head[2:3].isspace() else None


def read_header(path: Path, kind: str) -> Header:
    """The facts of one file; what is damaged is left at its default (the decoder will complain)."""
    readers = {"png": _png, "jpeg": _jpeg, "webp": _webp}
    header = Header(lossless=kind not in ("jpeg", "avif"))
    if kind in readers:
        # Cut short inside a head: reported by the decoder, with its own words.
        with path.open("rb") as file, contextlib.suppress(struct.error, IndexError):
            readers[kind](file, header)
    return header


def _chunks(file: IO[bytes]) -> Iterator[tuple[bytes, int]]:
    """(name, length) of each PNG chunk up to the pixels; the file stands at the chunk's data."""
    at = 8
    while True:
        file.seek(at)
        head = file.read(8)
        if len(head) < 8:
            return
        length, name = struct.unpack(">I4s", head)
        if name in (b"IDAT", b"IEND"):
            return
        yield name, length
        at += 12 + length


def _png(file: IO[bytes], header: Header) -> None:
    for name, length in _chunks(file):
        if name == b"IHDR":
            header.depth = file.read(9)[8]
        elif name == b"acTL":
            header.animated = True
        elif name == b"pHYs" and length == 9:
            x, y, unit = struct.unpack(">IIB", file.read(9))
            header.dpi = (x * 0.0254, y * 0.0254) if unit == 1 and x and y else None


def _segments(file: IO[bytes]) -> Iterator[tuple[int, bytes]]:
    """(marker, body) of each JPEG segment up to the first scan."""
    file.seek(2)
    while True:
        byte = file.read(1)
        if byte != b"\xff":
            return
        while byte == b"\xff":
            byte = file.read(1)
        marker = byte[0]
        if marker in (0xD9, 0xDA):
            return
        if marker == 0x01 or 0xD0 <= marker <= 0xD8:
            continue
        length = struct.unpack(">H", file.read(2))[0]
        yield marker, file.read(length - 2) if length >= 2 else b""


def _jpeg(file: IO[bytes], header: Header) -> None:
    for marker, body in _segments(file):
        if marker == 0xE0 and body[:5] == b"JFIF\0":
            unit, x, y = struct.unpack(">BHH", body[7:12])
            per_inch = {1: 1.0, 2: 2.54}.get(unit)
            header.dpi = (x * per_inch, y * per_inch) if per_inch and x and y else None
        elif marker == 0xDB:
            header.quality = header.quality or _quality(body)
        elif 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            header.subsampling = _subsampling(body)


def _quality(body: bytes) -> int | None:
    """The IJG quality whose luminance table is nearest to table 0 of a DQT segment."""
    at = 0
    while at < len(body):
        wide, name = body[at] >> 4, body[at] & 15
        size = 128 if wide else 64
        raw = body[at + 1 : at + 1 + size]
        if name == 0 and len(raw) == size:
            table = struct.unpack(">64H" if wide else ">64B", raw)
            return min(range(100, 0, -1), key=lambda q: sum(abs(a - b) for a, b in zip(table, _ijg(q), strict=True)))
        at += 1 + size
    return None


def _ijg(quality: int) -> list[int]:
    scale = 5000 // quality if quality < 50 else 200 - 2 * quality
    return [min(255, max(1, (base * scale + 50) // 100)) for base in _LUMINANCE]


def _subsampling(body: bytes) -> str | None:
    if body[5] != 3:
        return None
    factors = [(body[7 + 3 * k] >> 4, body[7 + 3 * k] & 15) for k in range(3)]
    if factors[1] != factors[2] or 0 in factors[1]:
        return None
    return _SUBSAMPLING.get((factors[0][0] // factors[1][0], factors[0][1] // factors[1][1]))


def _webp(file: IO[bytes], header: Header) -> None:
    """Lossy where the first picture chunk, also inside a frame of an animation, is ``VP8 ``."""
    at = 12
    while True:
        file.seek(at)
        head = file.read(8)
        if len(head) < 8:
            return
        name, length = struct.unpack("<4sI", head)
        if name == b"ANMF":
            header.animated = True
            at += 24
            continue
        if name in (b"VP8 ", b"VP8L"):
            header.lossless = name == b"VP8L"
            return
        at += 8 + length + length % 2
