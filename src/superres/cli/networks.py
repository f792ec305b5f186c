"""``superres networks``: the table of networks, with their costs and published scores."""

import json as encoding
import textwrap
from dataclasses import asdict
from typing import Any

from superres.types import BadRequest
from superres.zoo import NETWORKS, Cost, Row, Score, costs, find, scores


def networks(
    names: tuple[str, ...] = (),
    /,
    *,
    measure: bool = False,
    scale: int | None = None,
    size: int = 64,
    engine: tuple[str, ...] = (),
    json: bool = False,
) -> int:
    """Print the networks that can be built and trained: costs, what runs them, published scores; or measure them here.

    Args:
        names: only these, like edsr-baseline; each is told in full
        measure: time one picture and its peak memory on this machine, per network and engine
        scale: the factor whose figures are shown, or which is measured; 4 or the nearest there is
        size: side of the square picture that is measured, in input pixels
        engine: measure only these engines: torch, ncnn, onnxruntime, openvino
        json: print one JSON document
    """
    rows = [find(name) for name in names] or list(NETWORKS)
    if size < 8:
        raise BadRequest(f"--size {size} is too small to measure; give 8 or more")
    if measure:
        return _measured(rows, scale, size, engine, as_json=json)
    if json:
        print(encoding.dumps([_facts(row) for row in rows], indent=2, ensure_ascii=False))
    elif names:
        print("\n\n".join(_told(row) for row in rows))
    else:
        _table(rows, scale)
    return 0


def chosen_scale(row: Row, wanted: int | None) -> int:
    """The scale asked for, or x4, or the one nearest to it that the network has."""
    if wanted is not None and wanted in row.scales:
        return wanted
    return min(row.scales, key=lambda one: (abs(one - (wanted or 4)), one))


def _facts(row: Row) -> dict[str, Any]:
    facts = asdict(row) | {"parameters": {str(scale): count for scale, count in row.parameters.items()}}
    for key in ("arguments", "small", "exceptions"):
        facts[key] = dict(facts[key])
    return {
        **facts,
        "costs": [asdict(one) for one in costs(row.name)],
        "scores": [asdict(one) for one in scores(row.name)],
    }


def _table(rows: list[Row], scale: int | None) -> None:
    known = {(one.network, one.scale): one for one in costs()}
    published = {(one.network, one.scale): one.psnr for one in scores() if one.set == "Set5"}
    print(_columns("network", "year", "framework", "upsampler", "", "parameters", "G mult-adds", "radius", "Set5 dB"))
    for row in rows:
        at = chosen_scale(row, scale)
        cost, score = known.get((row.name, at)), published.get((row.name, at))
        parts = [row.name, str(row.year), row.framework, row.upsampler, f"x{at}"]
        parts += [f"{row.parameters[at]:,}".replace(",", " "), _giga(cost)]
        parts += ["" if cost is None else "all" if cost.radius is None else str(cost.radius)]
        engines = "" if cost is None or "ncnn" in cost.engines else "torch only"
        print(_columns(*parts, "" if score is None else f"{score:.2f}", engines))
    print("\nmultiply-adds are for 1280x720 pixels out, Set5 as published; superres networks NAME tells more")


def _columns(*parts: str) -> str:
    widths = ("<16", "<5", "<12", "<12", "<3", ">11", ">12", ">7", ">8", "<12")
    return " ".join(f"{part:{width}}" for part, width in zip(parts, widths, strict=False)).rstrip()


def _giga(cost: Cost | None) -> str:
    return "" if cost is None or cost.multiply_adds is None else f"{cost.multiply_adds / 1e9:.1f}"


def _told(row: Row) -> str:
    lines = [row.name, _line("paper", f"{row.paper} ({row.year})"), _line("class", row.target)]
    if row.arguments:
        lines.append(_line("arguments", ", ".join(f"{key} {value}" for key, value in row.arguments.items())))
    lines += [
        _line("framework", row.framework),
        _line("upsampler", row.upsampler),
        _line("ideas", ", ".join(row.ideas)),
    ]
    for cost in costs(row.name):
        lines.append(_line(f"x{cost.scale}", _cost(cost)))
    for law, reason in row.exceptions.items():
        lines.append(_line(f"not {law}", reason))
    lines += [_line(f"x{scale} published", text) for scale, text in _published(scores(row.name)).items()]
    sources = dict.fromkeys(one.source or "from the paper's tables, not checked again" for one in scores(row.name))
    lines += [_line("source", text) for text in sources]
    return "\n".join(lines)


def _cost(cost: Cost) -> str:
    work = "not counted" if cost.multiply_adds is None else f"{cost.multiply_adds / 1e9:.1f} G multiply-adds"
    seen = "the whole picture is seen" if cost.radius is None else f"radius {cost.radius}"
    flow = "streams row by row" if cost.streams else f"tiles {cost.tiles}"
    return f"{cost.parameters:,} parameters".replace(",", " ") + f", {work}, {seen}, {flow}, {' '.join(cost.engines)}"


def _published(found: list[Score]) -> dict[int, str]:
    texts: dict[int, list[str]] = {}
    for one in found:
        ssim = "" if one.ssim is None else f"/{one.ssim:.4f}"
        texts.setdefault(one.scale, []).append(f"{one.set} {one.psnr:.2f}{ssim}")
    return {scale: ", ".join(parts) for scale, parts in texts.items()}


def _line(key: str, value: str) -> str:
    return textwrap.fill(
        value, 110, initial_indent=f"  {key:<14} ", subsequent_indent=" " * 17, break_long_words=False,
        break_on_hyphens=False,
    )  # fmt: skip


def _measured(rows: list[Row], scale: int | None, size: int, engines: tuple[str, ...], *, as_json: bool) -> int:
    from superres.testing.measuring import ENGINES, measured

    for name in engines:
        if name not in ENGINES:
            raise BadRequest(f"--engine {name}: known are {', '.join(ENGINES)}")
    found: list[dict[str, Any]] = []
    for row in rows:
        for name in engines or ENGINES:
            one = measured(row, chosen_scale(row, scale), name, size)
            found.append(one)
            if not as_json:
                print(_measurement(one), flush=True)
    if as_json:
        print(encoding.dumps(found, indent=2))
    return 0


def _measurement(one: dict[str, Any]) -> str:
    head = f"{one['network']:<16} x{one['scale']} {one['engine']:<12} "
    if "reason" in one:
        return head + f"not measured: {one['reason']}"
    return head + (
        f"{one['parameters']:>11,} parameters  {one['multiply_adds'] / 1e9:8.2f} G  {1000 * one['seconds']:9.1f} ms  "
        f"{one['peak_memory'] / 2**20:7.0f} MB"
    ).replace(",", " ")
