"""What a way through a picture holds in memory at once, fitted to measured peaks."""

from superres.images.picture import PictureInfo
from superres.runtime.opening import WHOLE_MEMORY, Network
from superres.runtime.tiles import Grid

THREAD = 30 << 20  # each of several threads takes memory from a place of its own
ITEM = {"uint8": 1, "uint16": 2, "float32": 4}


def tiled_bytes(
    info: PictureInfo, grid: Grid, network: Network | None, engine: str, size: tuple[int, int], workers: int
) -> int:
    """What one pass over the picture holds at once, beside the process itself."""
    width, item = grid.width, ITEM[info.sample]
    s = network.scale if network else 1
    whole = size == (s * info.width, s * info.height)
    high, wide = grid.shape
    if network is None:
        return 6 * (8 << 20) + 64 * max(width, size[0]) * info.bands * 4
    window = 2 * high * width * info.bands * item
    strip = s * s * grid.strip_height * width * info.bands * (item if whole else 4)
    resized = resized_bytes(info, s, size)
    tile = network.bytes(high, wide, engine) + 4 * s * s * high * wide * info.bands * 4
    ahead = int(workers > 1)  # a further band of tiles, whole or as the parts of the one to come
    weights = network.weight_bytes if engine == "ncnn" else 0
    return (
        (1 + ahead) * window
        + (3 + whole + ahead) * strip  # two more than are counted one by one: measured with 40,000 pixels across
        + resized
        + workers * (tile + (THREAD if workers > 1 else 0))
        + weights
    )


def whole_bytes(info: PictureInfo, grid: Grid, network: Network | None, engine: str, size: tuple[int, int]) -> int:
    """As :func:`tiled_bytes`, for the one tile that is the picture."""
    more = 0 if network is None else (WHOLE_MEMORY.get(engine, 1.0) - 1) * network.bytes(*grid.shape, engine)
    return tiled_bytes(info, grid, network, engine, size, 1) + int(more)


def resized_bytes(info: PictureInfo, scale: int, size: tuple[int, int]) -> int:
    """What the resize to a size that is no whole factor holds."""
    if size == (scale * info.width, scale * info.height):
        return 0
    return 64 * max(scale * info.width, size[0]) * info.bands * 4 + (32 << 20)
