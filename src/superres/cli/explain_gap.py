"""``superres explain-gap``: one pair under every usual convention, to find the one a paper used."""

import json as encoding
from pathlib import Path
from typing import TYPE_CHECKING

from superres.types import BadRequest

if TYPE_CHECKING:
    from superres.bench.explaining import Reading

_NEAR_PSNR, _NEAR_SSIM = 0.05, 0.001  # five and ten times what figures are printed to


def explain_gap(
    pictures: tuple[str, ...], /, *, scale: int | None = None, target: float | None = None, json: bool = False
) -> int:
    """Measure one result under every usual convention, and show how far each is from the default.

    Args:
        pictures: the result and the true picture, SR and HR
        scale: how many times the result was enlarged
        target: a published figure (1 or less is an SSIM, more a PSNR in dB); the nearest conventions are named
        json: print JSON
    """
    from superres.bench.explaining import nearest, readings, trimmed
    from superres.bench.pictures import read_whole

    if len(pictures) != 2:
        raise BadRequest(f"{len(pictures)} pictures were named; wanted the result and the true picture, SR HR")
    if scale is None or scale < 1:
        raise BadRequest("no scale was given; say --scale 4: conventions cut borders by it")
    test, reference = (read_whole(Path(one).expanduser()) for one in pictures)
    reference, note = trimmed(reference, test, scale)
    rows = readings(test, reference, scale)
    near = [] if target is None else nearest(rows, target)
    if json:
        print(_as_json(rows, near, note))
        return 0
    print(_table(rows, scale))
    if note:
        print(f"\n{note}")
    if target is not None:
        print(f"\nnearest to {target:g}:")
        for row, gap in near:
            print(f"  {row.convention}: {target + gap:.4f} ({gap:+.4f}), {row.what}")
        if not near or abs(near[0][1]) > (_NEAR_SSIM if abs(target) <= 1 else _NEAR_PSNR):
            print("none of them explains it: the result, its input or the pictures must differ from those published")
    return 0


def _table(rows: "list[Reading]", scale: int) -> str:
    from superres.bench.protocols import DEFAULT, PROTOCOLS
    from superres.bench.tables import markdown

    first = rows[0]
    cells = [["convention", "psnr, dB", "to default", "ssim", "to default", "what it is"]]
    cells += [
        [
            row.convention,
            _figure(row.psnr, 3),
            _gap(row.psnr, first.psnr, 3) if row is not first else "",
            _figure(row.ssim, 4),
            _gap(row.ssim, first.ssim, 4) if row is not first else "",
            row.what,
        ]
        for row in rows
    ]
    return f"default: protocol {PROTOCOLS[DEFAULT].describe(scale)}\n\n{markdown(cells)}"


def _figure(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:.{digits}f}"


def _gap(value: float | None, default: float | None, digits: int) -> str:
    if value is None or default is None:
        return ""
    return "same" if value == default else f"{value - default:+.{digits}f}"


def _as_json(rows: "list[Reading]", near: "list[tuple[Reading, float]]", note: str) -> str:
    from superres.bench.measuring import plain

    def written(row: "Reading") -> dict[str, object]:
        figures = {"psnr": row.psnr, "ssim": row.ssim}
        kept = {name: plain(value) for name, value in figures.items() if value is not None}
        return {"convention": row.convention, "what": row.what, **kept}

    found: dict[str, object] = {"conventions": [written(row) for row in rows]}
    if near:
        found["nearest"] = [written(row) | {"misses_by": gap} for row, gap in near]
    if note:
        found["note"] = note
    return encoding.dumps(found, indent=2, ensure_ascii=False, allow_nan=False)
