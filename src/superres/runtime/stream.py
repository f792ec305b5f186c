"""Rows of a picture in, rows of the enlarged picture out, in bounded memory."""

from collections.abc import Callable, Iterator

import numpy as np

from superres.runtime.bands import BandNet, Bands, Rows, enlarge
from superres.runtime.flow import Machine
from superres.runtime.lines import Lines, line_strips
from superres.runtime.passes import pass_strips
from superres.runtime.scaling import RowResizer, rows_at_once
from superres.runtime.tiles import Grid, RowSource, strips
from superres.types import Array, Box, Upscaler


def enlarged(
    rows: RowSource,
    grid: Grid,
    bands: Bands,
    upscaler: Upscaler | None,
    out: tuple[int, int],
    *,
    factor: tuple[float, float] | None = None,
    channels: int = 0,
    on_tile: Callable[[int], None] | None = None,
    workers: int = 1,
    flow: tuple[Lines, Machine] | None = None,
) -> Iterator[Array]:
    """Strips (h, out width, bands) of one frame in its own sample type; ``out`` is (height, width).

    ``factor`` is the exact one along both axes where ``out`` was rounded from it; else the ratio of the sizes.
    ``upscaler`` is for ``channels`` channels (0: any); ``None`` means a plain bicubic resize. Where its whole factor
    leads past or short of ``out``, an antialiased resize of its float result follows. Tiles are checked by whoever
    wraps the upscaler (:class:`superres.runtime.guards.Guarded`), which must bear ``workers`` calls at once. With
    ``flow`` the rows flow through that machine instead, in no tiles, and ``upscaler`` is not asked.
    """
    if flow is not None:
        yield from _flowing(rows, flow, bands, out, factor, channels, on_tile)
        return
    if upscaler is None:
        yield from resized(_plain(rows, grid, bands, on_tile), (grid.height, grid.width), out, factor, bands)
        return
    net, s = BandNet(upscaler, channels), upscaler.scale
    whole = (s * grid.height, s * grid.width)

    def work(tile: Array, core: Box) -> Rows:
        return enlarge(net, bands.enter(tile), core, bands.alpha)

    if whole == out:
        yield from strips(rows, grid, s, lambda tile, core: bands.leave(work(tile, core)), on_tile, workers=workers)
    else:
        rest = None if factor is None else (factor[0] / s, factor[1] / s)
        yield from resized(strips(rows, grid, s, work, on_tile, workers=workers, ahead=0), whole, out, rest, bands)


def _flowing(
    rows: RowSource,
    flow: tuple[Lines, Machine],
    bands: Bands,
    out: tuple[int, int],
    factor: tuple[float, float] | None,
    channels: int,
    on_tile: Callable[[int], None] | None,
) -> Iterator[Array]:
    lines, machine = flow
    s = lines.graph.scale
    whole = (s * lines.height, s * lines.width)
    finish = bands.leave if whole == out else np.ascontiguousarray
    way = pass_strips if lines.passes else line_strips
    source = way(rows, lines, machine, bands, channels, finish, on_tile)
    if whole == out:
        yield from source
    else:
        rest = None if factor is None else (factor[0] / s, factor[1] / s)
        yield from resized(source, whole, out, rest, bands)


def _plain(rows: RowSource, grid: Grid, bands: Bands, on_tile: Callable[[int], None] | None) -> Iterator[Rows]:
    step = rows_at_once(bands.count, grid.width)
    for top in range(0, grid.height, step):
        height = min(step, grid.height - top)
        yield bands.enter(rows(top, height))
        if on_tile is not None:
            on_tile(height * grid.width)


def resized(
    source: Iterator[Array],
    size: tuple[int, int],
    out: tuple[int, int],
    factor: tuple[float, float] | None,
    bands: Bands,
) -> Iterator[Array]:
    """Strips of a premultiplied float picture of ``size`` as samples of one of size ``out``, (height, width)."""
    if size == out:
        yield from (bands.leave(strip) for strip in source)
        return
    resizer = RowResizer(size, out, factor)
    step = rows_at_once(bands.count, max(size[1], out[1]))
    for strip in source:
        for top in range(0, strip.shape[0], step):
            done = resizer.push(strip[top : top + step])
            # alpha is not clipped yet: where it overshoots, the colour that was multiplied by it does so as well
            if done.shape[0]:
                yield bands.leave(done)
        del strip  # or two of them are held while the next is made
