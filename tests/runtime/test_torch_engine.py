"""The law of the torch engine: tiles with the exact halo give the whole picture, bit for bit."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from superres.networks.chain import Chain
from superres.runtime.engines.torch import TorchEngine
from superres.train.export import to_graph
from superres.types import BadRequest, EngineUnavailable, Upscaler


class Awkward(nn.Module):
    """Unshuffle, stride, dilation, groups, deconvolution, exponentials and interpolation by three."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.Conv2d(12, 14, 4, stride=2, padding=1)
        self.wide = nn.Conv2d(14, 14, 3, padding=2, dilation=2, groups=7)
        self.up = nn.ConvTranspose2d(14, 10, 4, stride=2, padding=1)
        self.out = nn.Conv2d(10, 12, 3, padding=1)

    def forward(self, x):
        h = F.silu(self.down(F.pixel_unshuffle(x, 2)))
        h = F.gelu(self.up(torch.tanh(self.wide(h))))
        h = F.pixel_shuffle(torch.sigmoid(self.out(h)), 2)
        up = [F.interpolate(one, scale_factor=3, mode=mode) for one, mode in ((h, "bicubic"), (x, "bilinear"))]
        return up[0] * up[1]


def engine(name: str, threads: int = 1) -> TorchEngine:
    torch.manual_seed(0)
    if name == "awkward":
        return TorchEngine(to_graph(Awkward(), scale=3), threads=threads)
    scale, width, channels = {"x4": (4, 16, 3), "x3": (3, 37, 3), "gray": (2, 5, 1), "wide": (2, 48, 3)}[name]
    module = Chain(scale=scale, width=width, depth=2, channels=channels)
    return TorchEngine(to_graph(module, scale=scale, channels=channels), threads=threads)


def tiled(run: TorchEngine, x: np.ndarray, side: int, missing: int = 0) -> np.ndarray:
    """The picture from tiles of ``side`` input pixels with their halo (less ``missing``)."""
    step = run.alignment
    around = -(-(run.halo - missing) // step) * step
    (height, width), s = x.shape[2:], run.scale
    out = np.full((*x.shape[:2], s * height, s * width), np.nan, np.float32)
    for top in range(0, height, side):
        for left in range(0, width, side):
            bottom, right = min(top + side, height), min(left + side, width)
            first, start = max(0, top - around), max(0, left - around)
            made = run(x[:, :, first : bottom + around, start : right + around])
            rows = slice(s * (top - first), s * (bottom - first))
            out[:, :, s * top : s * bottom, s * left : s * right] = made[
                :, :, rows, s * (left - start) : s * (right - start)
            ]
    return out


SIZES = ((1, 1, 1), (1, 7, 1), (40, 3, 8), (61, 45, 16), (9, 1601, 700), (33, 50, 30))


@pytest.mark.parametrize("name", ["x4", "x3", "gray", "wide", "awkward"])
def test_tiles_equal_the_whole_bit_for_bit(name):
    run = engine(name)
    random = np.random.default_rng(3)
    for height, width, side in SIZES:
        height, width, side = (-(-one // run.alignment) * run.alignment for one in (height, width, side))
        x = random.random((1, run.graph.channels, height, width), np.float32)
        whole = run(x)
        assert tiled(run, x, side).tobytes() == whole.tobytes(), (height, width, side)


def test_one_pixel_less_of_halo_is_seen():
    run = engine("x4")
    x = np.random.default_rng(3).random((1, 3, 40, 40), np.float32)
    assert not np.array_equal(tiled(run, x, 16, missing=1), run(x))


@pytest.mark.parametrize("name", ["x4", "x3", "awkward"])
def test_it_computes_the_network(name):
    torch.manual_seed(0)
    module = Awkward() if name == "awkward" else Chain(scale={"x4": 4, "x3": 3}[name], width=9, depth=2)
    x = torch.rand(2, 3, 24, 20)
    run = TorchEngine(to_graph(module, scale=3 if name != "x4" else 4))
    with torch.no_grad():
        torch.testing.assert_close(run.run(x), module(x), atol=1e-5, rtol=1e-5)


def test_batches_layouts_and_repeats_change_nothing():
    run = engine("x4")
    x = torch.rand(3, 3, 17, 19)
    once = run.run(x)
    assert torch.equal(once, run.run(x))
    assert torch.equal(once, run.run(x.contiguous(memory_format=torch.channels_last)))
    assert torch.equal(once[1:2], run.run(x[1:2]))
    assert np.array_equal(run(x.numpy()), once.numpy())


def test_the_number_of_threads_changes_no_bit():
    x = np.random.default_rng(3).random((1, 3, 90, 301), np.float32)
    assert engine("wide", threads=3)(x).tobytes() == engine("wide", threads=1)(x).tobytes()


def test_it_is_an_upscaler_and_leaves_threads_alone():
    before = torch.get_num_threads()
    run = engine("gray", threads=before + 1)
    assert isinstance(run, Upscaler)
    assert (run.scale, run.halo, run.alignment) == (2, 4, 1)
    x = np.zeros((1, 1, 4, 4), np.float32)
    x.flags.writeable = False
    assert run(x).dtype == np.float32
    assert torch.get_num_threads() == before


def test_what_does_not_fit_is_refused():
    with pytest.raises(BadRequest, match="wanted"):
        engine("x4")(np.zeros((1, 1, 8, 8), np.float32))
    with pytest.raises(BadRequest, match="multiples of 4"):
        engine("awkward")(np.zeros((1, 3, 8, 10), np.float32))
    with pytest.raises(EngineUnavailable, match="no device"):
        TorchEngine(engine("x4").graph, device="nonsense")
    with pytest.raises(BadRequest, match="threads"):
        engine("x4", threads=0)
