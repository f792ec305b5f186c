"""Directories of TIFF files, which is also what an EXIF block is: read, rewritten, made upright.

Source: TIFF 6.0 (Adobe 1992), BigTIFF (libtiff.gitlab.io), EXIF 2.32 (CIPA DC-008).
"""

import struct
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

Bytes = Any  # bytes, memoryview or mmap: anything that slices to bytes
Entry = tuple[int, int, bytes]  # type, count, value in the block's byte order
Directory = dict[int, Entry]

_SIZE = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
_UNIT = {3: 2, 4: 4, 5: 4, 8: 2, 9: 4, 10: 4, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}  # what is swapped as one
_LETTER = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i", 13: "I", 16: "Q", 17: "q", 18: "Q"}
ORIENTATION, X_RESOLUTION, Y_RESOLUTION, RESOLUTION_UNIT = 274, 282, 283, 296
PIXEL_X_DIMENSION, PIXEL_Y_DIMENSION = 0xA002, 0xA003
EXIF, GPS, INTEROPERABILITY, IPTC = 0x8769, 0x8825, 0xA005, 33723
# The tags of a TIFF's first directory that tell of the picture and not of how its pixels are stored.
_TELLING = (270, 271, 272, 305, 306, 315, 316, 33432)


@dataclass(frozen=True)
class Block:
    """A TIFF structure and how to read it; ``order`` is ``<`` or ``>``."""

    data: Bytes
    order: str
    big: bool
    first: int


def open_block(data: Bytes) -> Block | None:
    """The structure of a TIFF file or EXIF block, or None where it is neither."""
    head = bytes(data[:16])
    if head[:2] not in (b"II", b"MM") or len(head) < 8:
        return None
    order = "<" if head[:2] == b"II" else ">"
    magic = struct.unpack(order + "H", head[2:4])[0]
    if magic == 42:
        return Block(data, order, False, struct.unpack(order + "I", head[4:8])[0])
    if magic == 43 and len(head) == 16:
        return Block(data, order, True, struct.unpack(order + "Q", head[8:16])[0])
    return None


def _layout(block: Block) -> tuple[str, str, int, int]:
    """Letters of the entry count and of an offset, bytes of one entry and of an inline value."""
    return ("Q", "Q", 20, 8) if block.big else ("H", "I", 12, 4)


def _unpack(block: Block, letter: str, at: int) -> int:
    raw = bytes(block.data[at : at + struct.calcsize(letter)])
    return struct.unpack(block.order + letter, raw)[0]


def directory(block: Block, at: int) -> tuple[Directory, int]:
    """One directory and where its link to the next one stands. Broken entries are left out; a broken
    directory raises ``ValueError`` or ``struct.error``."""
    count_letter, offset_letter, step, inline = _layout(block)
    count = _unpack(block, count_letter, at)
    start = at + struct.calcsize(count_letter)
    end = start + count * step
    if not 0 < at < len(block.data) or end > len(block.data):
        raise ValueError("a directory stands outside the file")
    entries: Directory = {}
    for k in range(count):
        here = start + k * step
        tag, kind = struct.unpack(block.order + "HH", bytes(block.data[here : here + 4]))
        number = _unpack(block, offset_letter, here + 4)
        size = _SIZE.get(kind, 0) * number
        value = here + step - inline
        if size > inline:
            value = _unpack(block, offset_letter, value)
        if 0 < size <= len(block.data) - value:
            entries[tag] = (kind, number, bytes(block.data[value : value + size]))
    return entries, end


def numbers(entry: Entry | None, order: str) -> tuple[float, ...]:
    """The values of an entry of numbers; rationals are divided, 0/0 is 0."""
    if entry is None:
        return ()
    kind, count, raw = entry
    if kind in (5, 10):
        parts = struct.unpack(order + ("I" if kind == 5 else "i") * 2 * count, raw)
        return tuple(a / b if b else 0.0 for a, b in zip(parts[::2], parts[1::2], strict=True))
    return tuple(struct.unpack(order + _LETTER[kind] * count, raw)) if kind in _LETTER else ()


def _number(entries: Directory, tag: int, order: str, default: int) -> int:
    found = numbers(entries.get(tag), order)
    return int(found[0]) if found else default


def dpi_of(entries: Directory, order: str) -> tuple[float, float] | None:
    """Dots per inch of a directory, or None where it has none."""
    x, y = (numbers(entries.get(tag), order) for tag in (X_RESOLUTION, Y_RESOLUTION))
    unit = {2: 1.0, 3: 2.54}.get(_number(entries, RESOLUTION_UNIT, order, 2))
    if unit is None or not x or not y or x[0] <= 0 or y[0] <= 0:
        return None
    return x[0] * unit, y[0] * unit


def dpi_of_exif(exif: bytes) -> tuple[float, float] | None:
    """Dots per inch that an EXIF block names."""
    block = open_block(exif)
    try:
        return None if block is None else dpi_of(directory(block, block.first)[0], block.order)
    except (ValueError, struct.error):
        return None


def upright(exif: bytes) -> bytes:
    """The same block with its orientation tag set to 1; where it was another, the (turned) thumbnail goes.

    Patched in place, so that maker notes, which hold offsets of their own, stay valid.
    """
    block = open_block(exif)
    if block is None or block.big:
        return exif
    try:
        entries, link = directory(block, block.first)
    except (ValueError, struct.error):
        return exif
    if _number(entries, ORIENTATION, block.order, 1) == 1:
        return exif
    patched = bytearray(exif)
    count = _unpack(block, "H", block.first)
    for k in range(count):
        here = block.first + 2 + 12 * k
        if _unpack(block, "H", here) == ORIENTATION:
            patched[here + 2 : here + 12] = struct.pack(block.order + "HIHH", 3, 1, 1, 0)
    if link + 4 <= len(patched):
        patched[link : link + 4] = bytes(4)
    return bytes(patched)


def resized(exif: bytes, size: tuple[int, int], dpi: tuple[float, float] | None) -> bytes:
    """The same block, telling of a picture of that width and height and of those dots per inch where they are known.

    Only what it tells already is patched, in place, so that maker notes stay valid.
    """
    block = open_block(exif)
    if block is None or block.big:
        return exif
    patched = bytearray(exif)
    wanted: dict[int, tuple[int, tuple[int, ...]]] = {}
    if dpi is not None:
        x, y = ((round(1000 * one), 1000) for one in dpi)
        wanted = {X_RESOLUTION: (5, x), Y_RESOLUTION: (5, y), RESOLUTION_UNIT: (3, (2,))}
    with suppress(ValueError, struct.error):
        main, _ = directory(block, block.first)
        _patch(patched, block, block.first, wanted)
        sizes = {PIXEL_X_DIMENSION: (4, size[:1]), PIXEL_Y_DIMENSION: (4, size[1:])}
        if EXIF in main:
            _patch(patched, block, _number(main, EXIF, block.order, 0), sizes)
    return bytes(patched)


def _patch(patched: bytearray, block: Block, at: int, wanted: dict[int, tuple[int, tuple[int, ...]]]) -> None:
    """Put single values of a type in the place of those that a directory has."""
    known, _ = directory(block, at)
    for k in range(_unpack(block, "H", at)):
        here = at + 2 + 12 * k
        tag, kind = struct.unpack(block.order + "HH", bytes(block.data[here : here + 4]))
        if tag not in wanted or tag not in known:
            continue
        new, values = wanted[tag]
        raw = struct.pack(block.order + {3: "H", 4: "I", 5: "II"}[new], *values)
        if len(raw) <= 4:
            patched[here + 2 : here + 12] = struct.pack(block.order + "HI", new, 1) + raw.ljust(4, b"\0")
        elif kind == new and known[tag][1] == 1:
            place = _unpack(block, "I", here + 8)
            patched[place : place + len(raw)] = raw


def _swapped(entry: Entry, order: str) -> Entry:
    """The entry with its value in little-endian order."""
    kind, count, raw = entry
    unit = _UNIT.get(kind, 1)
    if order == "<" or unit == 1:
        return entry
    turned = b"".join(raw[k : k + unit][::-1] for k in range(0, len(raw), unit))
    return kind, count, turned


def _sub(block: Block, entries: Directory, tag: int) -> Directory:
    at = _number(entries, tag, block.order, 0)
    try:
        return directory(block, at)[0] if at else {}
    except (ValueError, struct.error):
        return {}


def encode(entries: Directory, at: int, *, order: str = "<", big: bool = False, following: int = 0) -> bytes:
    """A directory to stand at offset ``at``, its long values behind it. Values are already in ``order``."""
    count_letter, offset_letter, step, inline = ("Q", "Q", 20, 8) if big else ("H", "I", 12, 4)
    head = struct.pack(order + count_letter, len(entries))
    behind = at + len(head) + len(entries) * step + inline
    rows, values = b"", b""
    for tag in sorted(entries):
        kind, count, raw = entries[tag]
        if len(raw) <= inline:
            place = raw.ljust(inline, b"\0")
        else:
            place = struct.pack(order + offset_letter, behind + len(values))
            values += raw + b"\0" * (len(raw) % 2)
        rows += struct.pack(order + "HH" + offset_letter, tag, kind, count) + place
    return head + rows + struct.pack(order + offset_letter, following) + values


def exif_of_tiff(block: Block, entries: Directory) -> bytes | None:
    """A stand-alone EXIF block from a TIFF's own tags and its EXIF and GPS directories; None where it has none."""
    main = {tag: _swapped(entries[tag], block.order) for tag in _TELLING if tag in entries}
    subs = {tag: _sub(block, entries, tag) for tag in (EXIF, GPS)}
    inner = subs[EXIF]
    inner.pop(INTEROPERABILITY, None)
    subs = {tag: {k: _swapped(v, block.order) for k, v in sub.items()} for tag, sub in subs.items() if sub}
    if not main and not subs:
        return None
    for tag in subs:
        main[tag] = (4, 1, bytes(4))
    size = len(encode(main, 8))
    body, at = b"", 8 + size
    for tag, sub in subs.items():
        main[tag] = (4, 1, struct.pack("<I", at + len(body)))
        part = encode(sub, at + len(body))
        body += part + b"\0" * (len(part) % 2)
    return b"II*\0" + struct.pack("<I", 8) + encode(main, 8) + body


def adopted(exif: bytes, block: Block, entries: Directory, at: int) -> bytes:
    """Put an EXIF block's tags into a TIFF's ``entries``; its EXIF and GPS directories, to stand at ``at``, are
    returned. Both must be in the file's byte order, so values are swapped where they differ."""
    source = open_block(exif)
    if source is None:
        return b""
    try:
        main, _ = directory(source, source.first)
    except (ValueError, struct.error):
        return b""
    for tag in _TELLING:
        if tag in main:
            entries[tag] = _ordered(main[tag], source.order, block.order)
    body = b""
    for tag in (EXIF, GPS):
        sub = _sub(source, main, tag)
        sub.pop(INTEROPERABILITY, None)
        if sub:
            sub = {key: _ordered(entry, source.order, block.order) for key, entry in sub.items()}
            entries[tag] = (
                16 if block.big else 4,
                1,
                struct.pack(block.order + ("Q" if block.big else "I"), at + len(body)),
            )
            part = encode(sub, at + len(body), order=block.order, big=block.big)
            body += part + b"\0" * (len(part) % 2)
    return body


def _ordered(entry: Entry, order: str, wanted: str) -> Entry:
    return entry if order == wanted else _swapped(entry, ">")


def iptc_segment(records: bytes) -> bytes:
    """IPTC records as the Photoshop segment of a JPEG."""
    resource = b"8BIM\x04\x04\0\0" + struct.pack(">I", len(records)) + records
    return b"Photoshop 3.0\0" + resource + b"\0" * (len(records) % 2)


def iptc_records(blob: bytes | None) -> bytes | None:
    """The bare IPTC records, from them or from a Photoshop segment; None where it holds none."""
    if not blob or not blob.startswith(b"Photoshop 3.0\0"):
        return blob or None
    at = 14
    while blob[at : at + 4] == b"8BIM" and at + 8 < len(blob):
        kind, name = blob[at + 4 : at + 6], blob[at + 6]
        start = at + 6 + (name + 2) // 2 * 2
        if start + 4 > len(blob):
            return None
        size = struct.unpack(">I", blob[start : start + 4])[0]
        if kind == b"\x04\x04":
            return blob[start + 4 : start + 4 + size] or None
        at = start + 4 + size + size % 2
    return None
