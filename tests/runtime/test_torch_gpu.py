"""The GPU's engine: on the CPU against the other engines, on simulated streams, and on CUDA where there is one.

The simulated streams carry out work in any order that real ones might: each in its own order, after the marks it waits
for, and otherwise as late or early as chance has it. What waits for too little, or writes where somebody still reads,
gives wrong numbers.
"""

import importlib.util
import inspect
import random
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from superres.graph.cost import peak_bytes
from superres.graph.file import load_model
from superres.graph.graph import Graph
from superres.networks.chain import Chain
from superres.runtime import batches
from superres.runtime.batches import Batches, Card
from superres.runtime.engines import choose, torch_gpu, torch_hands
from superres.runtime.engines.torch import TorchEngine
from superres.runtime.engines.torch_gpu import TorchGpu
from superres.runtime.engines.torch_hands import FullPrecision, Plain
from superres.runtime.models import PRETRAINED
from superres.train.export import to_graph
from superres.types import BadRequest, EngineUnavailable, Upscaler

_spec = importlib.util.spec_from_file_location("graph_nets", Path(__file__).parents[1] / "graph" / "nets.py")
nets = importlib.util.module_from_spec(_spec)
sys.modules["graph_nets"] = nets
_spec.loader.exec_module(nets)

GRAPHS = {
    name: make
    for name, make in inspect.getmembers(nets, inspect.isfunction)
    if inspect.signature(make).return_annotation is Graph and not inspect.signature(make).parameters
}
CARD = Card("torch", "a card", batches=True)
CUDA = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")


class Awkward(nn.Module):
    """Every operation that the engine does in its own way, and some that it shares."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.Conv2d(12, 14, 4, stride=2, padding=1)
        self.wide = nn.Conv2d(14, 14, 3, padding=2, dilation=2, groups=7)
        self.up = nn.ConvTranspose2d(14, 10, 3, stride=2, padding=1, output_padding=1)
        self.out = nn.Conv2d(10, 12, (3, 5), padding=(1, 2))
        self.bend = nn.PReLU(14)

    def forward(self, x):
        h = F.silu(self.down(F.pixel_unshuffle(x, 2)))
        h = F.gelu(self.up(torch.tanh(self.bend(self.wide(h)))))
        h = F.pixel_shuffle(torch.sigmoid(self.out(h)), 2)
        modes = ((h, "bicubic"), (x, "bilinear"), (x, "nearest"))
        up = [F.interpolate(one, scale_factor=3, mode=mode) for one, mode in modes]
        return torch.clamp(up[0] * up[1] - up[2], -4, 4)


def graph(name: str = "chain") -> Graph:
    torch.manual_seed(0)
    if name == "awkward":
        return to_graph(Awkward(), scale=3)
    return to_graph(Chain(scale=2, width=6, depth=2), scale=2)


def tiles(count: int, height: int = 12, width: int = 8, channels: int = 3) -> np.ndarray:
    return np.random.default_rng(count).random((count, channels, height, width), np.float32)


def upscaler(of: Graph, **how) -> Batches:
    return Batches(TorchGpu(of, device="cpu", **how), CARD)


class Streams(Plain):
    """Streams whose work is done when chance has it, and no later than somebody waits for it."""

    def __init__(self, seed: int, *, heedless: bool = False, graphs: bool = False) -> None:
        super().__init__("cpu")
        self.chance, self.heedless, self.graphs = random.Random(seed), heedless, graphs
        self.queues = {name: [] for name in ("up", "run", "down")}
        self.done, self.count, self.said, self.replays = set(), 0, [], 0

    def host(self, shape):
        return torch.full(shape, torch.nan)

    def do(self, stream, work, after=None):
        self.count += 1
        self.queues[stream].append((self.count, None if self.heedless else after, work))
        self.said.append((stream, self.count))
        for _ in range(self.chance.choice((0, 0, 1, 3))):
            self._advance(needed=False)
        return self.count

    def wait(self, mark):
        self.said.append(("wait", mark))
        while mark not in self.done:
            self._advance()

    def settle(self):
        while any(self.queues.values()):
            self._advance()

    def recorded(self, work):
        if not self.graphs:
            return None
        made = torch.full_like(work(), torch.nan)  # recording computes nothing

        def replay():
            self.replays += 1
            made.copy_(work())

        return replay, made

    def _advance(self, needed=True):
        able = [name for name, queue in self.queues.items() if queue and (queue[0][1] or 0) in {0, *self.done}]
        assert able or not needed, "everything waits for something else"
        if able:
            mark, _, work = self.queues[self.chance.choice(able)].pop(0)
            with torch.inference_mode():  # in which it was put there
                work()
            self.done.add(mark)


@pytest.mark.parametrize("path", sorted(PRETRAINED.glob("*.safetensors")), ids=lambda path: path.stem)
def test_shipped_models_agree_with_the_exact_engine(path: Path) -> None:
    of, _ = load_model(path)
    x = np.concatenate([choose.sample(of.channels, 23), 1 - choose.sample(of.channels, 23)])[..., :17]
    np.testing.assert_allclose(upscaler(of)(x), TorchEngine(of, threads=1)(x), atol=1e-4)


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("name", ["chain", "awkward"])
def test_batches_with_remainders_agree_with_the_exact_engine(monkeypatch, name, count):
    monkeypatch.setattr(batches, "MOST", 2)
    of = graph(name)
    net = upscaler(of)
    assert isinstance(net, Upscaler)
    assert (net.scale, net.halo) == (TorchEngine(of).scale, TorchEngine(of).halo)
    for height, width in ((4, 4), (12, 8), (44, 20)):
        x = tiles(count, height, width)
        made = net(x)
        assert made.dtype == np.float32
        np.testing.assert_allclose(made, TorchEngine(of, threads=1)(x), atol=1e-5)


@pytest.mark.parametrize("name", GRAPHS)
def test_every_operation_agrees_with_the_exact_engine(name):
    of = GRAPHS[name]()
    x = tiles(3, 24, 36, of.channels)
    np.testing.assert_allclose(upscaler(of)(x), TorchEngine(of)(x), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("sides", [(1, 1), (1, 7), (31, 3)])
def test_odd_sizes(sides):
    x = tiles(3, *sides)
    np.testing.assert_allclose(upscaler(graph())(x), TorchEngine(graph())(x), atol=1e-5)


def test_what_does_not_fit_is_refused():
    with pytest.raises(BadRequest, match="wanted"):
        upscaler(graph())(tiles(1, channels=1))
    with pytest.raises(BadRequest, match="multiples of 4"):
        upscaler(graph("awkward"))(tiles(1, 8, 10))


def test_results_stay_when_more_is_computed_and_the_engine_goes():
    net = upscaler(graph())
    first = net(tiles(1))
    kept = first.copy()
    for _ in range(5):
        net(1 - tiles(4))
    del net
    assert np.array_equal(first, kept)


@pytest.mark.parametrize("graphs", [False, True], ids=["step by step", "recorded"])
@pytest.mark.parametrize("seed", range(6))
def test_any_order_that_the_streams_may_take_gives_the_same(monkeypatch, seed, graphs):
    monkeypatch.setattr(batches, "MOST", 4)
    hands = Streams(seed, graphs=graphs)
    net, plain = upscaler(graph(), hands=hands), upscaler(graph())
    given = [tiles(23), tiles(5, 6, 6), tiles(9), tiles(1, 6, 6)]
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(net, given))
    for x, y in zip(given, made, strict=True):
        np.testing.assert_allclose(y, plain(x), atol=1e-6)
    assert (hands.replays > 0) == graphs


def wrong(net: Batches) -> bool:
    x = tiles(40)
    return not np.allclose(net(x), upscaler(graph())(x), atol=1e-6)


def test_the_simulation_sees_a_wait_that_is_missing(monkeypatch):
    monkeypatch.setattr(batches, "MOST", 4)
    assert any(wrong(upscaler(graph(), hands=Streams(seed, heedless=True))) for seed in range(4))


def test_the_simulation_sees_a_buffer_that_is_used_twice_at_once(monkeypatch):
    monkeypatch.setattr(batches, "MOST", 4)
    monkeypatch.setattr(torch_gpu, "ON_THE_WAY", 1)  # one slot for the two batches on their way
    assert any(wrong(upscaler(graph(), hands=Streams(seed))) for seed in range(4))


def test_a_batch_is_sent_before_the_last_one_is_waited_for(monkeypatch):
    monkeypatch.setattr(batches, "MOST", 4)
    hands = Streams(0)
    upscaler(graph(), hands=hands)(tiles(13))
    steps = [name for name, _ in hands.said]
    batch = ["up", "run", "down"]
    assert steps == [*batch, "wait", *batch, *batch, "wait", *batch, "wait", "wait"]


def test_a_size_is_recorded_when_it_comes_again_and_only_once(monkeypatch):
    monkeypatch.setattr(batches, "MOST", 2)
    hands = Streams(0, graphs=True)
    times, recorded = [], hands.recorded
    monkeypatch.setattr(hands, "recorded", lambda work: times.append(1) or recorded(work))
    net = upscaler(graph(), hands=hands)
    net(tiles(1))
    net(tiles(1, 6, 6))
    assert times == []  # no size of any shape came twice
    net(tiles(9))
    assert (len(times), hands.replays) == (
        2,
        4,
    )  # of one tile and of two; three batches of two after the first, and one


def test_where_recording_fails_it_goes_step_by_step_for_good(monkeypatch):
    hands, times = Plain("cpu"), []

    def fails(_):
        times.append(1)
        raise RuntimeError("operation not permitted when stream is capturing")

    monkeypatch.setattr(hands, "recorded", fails)
    net = upscaler(graph(), hands=hands)
    for _ in range(4):
        np.testing.assert_allclose(net(tiles(1)), upscaler(graph())(tiles(1)), atol=1e-6)
    assert len(times) == 1


def test_buffers_of_old_shapes_are_given_up_while_batches_are_on_their_way(monkeypatch):
    monkeypatch.setattr(torch_gpu, "_KEPT", 1)
    monkeypatch.setattr(batches, "MOST", 2)
    net, plain = upscaler(graph(), hands=Streams(3)), upscaler(graph())
    given = [tiles(2, 4 + k % 3, 5) for k in range(12)]
    with ThreadPoolExecutor(6) as pool:
        made = list(pool.map(net, given))
    for x, y in zip(given, made, strict=True):
        np.testing.assert_allclose(y, plain(x), atol=1e-6)
    assert len(net.device._shapes) == 1


def scarce(monkeypatch, most: int) -> list[int]:
    """A device that has no room for larger batches."""
    refused, convolved = [], F.conv2d

    def conv2d(x, *rest, **named):
        if len(x) > most:
            refused.append(len(x))
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return convolved(x, *rest, **named)

    monkeypatch.setattr(F, "conv2d", conv2d)
    return refused


def test_out_of_memory_makes_the_batches_smaller_and_changes_nothing(monkeypatch):
    x = tiles(21)
    whole = upscaler(graph())(x)
    refused = scarce(monkeypatch, 2)
    net = upscaler(graph())
    np.testing.assert_allclose(net(x), whole, atol=1e-6)
    assert refused == [16, 8, 4]
    np.testing.assert_allclose(net(x), whole, atol=1e-6)
    assert refused == [16, 8, 4]


def test_out_of_memory_for_one_tile_is_one_clear_line(monkeypatch):
    scarce(monkeypatch, 0)
    with pytest.raises(EngineUnavailable, match=r"tile of 8x12 pixels; give a smaller --tile") as said:
        upscaler(graph())(tiles(1))
    assert "\n" not in str(said.value)


def test_another_failure_of_the_device_is_told(monkeypatch):
    net = upscaler(graph())
    monkeypatch.setattr(F, "conv2d", lambda *_, **__: (_ for _ in ()).throw(RuntimeError("CUDA error: lost\nmore")))
    with pytest.raises(EngineUnavailable, match=r"failed on this device \(CUDA error: lost\); use --device cpu"):
        net(tiles(2))


@pytest.mark.parametrize(("tiles_free", "expected"), [(1, 1), (3, 3), (100, 100)])
def test_batches_are_fitted_to_what_the_first_tile_took(monkeypatch, tiles_free, expected):
    took, shape = 10**6, (3, 12, 8)
    each = took + 2 * 4 * 3 * 12 * 8 * (1 + 2**2)  # and its two slots, in and out
    hands = Plain("cpu")
    monkeypatch.setattr(hands, "measured", lambda work: work() or took)
    monkeypatch.setattr(hands, "free", lambda: int(each * tiles_free / 0.8) + 10)
    net = upscaler(graph(), hands=hands)
    net(tiles(1))
    assert net.device.most(shape) == expected


def test_memory_that_is_not_measured_is_counted(monkeypatch):
    hands = Plain("cpu")
    monkeypatch.setattr(hands, "free", lambda: 100 * peak_bytes(graph(), 12, 8))
    assert 10 < TorchGpu(graph(), device="cpu", hands=hands).most((3, 12, 8)) < 50


def test_full_precision_is_put_back_after_the_last_one():
    place, name, full = FullPrecision()._place()
    before, state = getattr(place, name), FullPrecision()
    assert before != full  # PyTorch allows TF32 in convolutions unless told otherwise
    with state:
        with state:
            assert getattr(place, name) == full
        assert getattr(place, name) == full
    assert getattr(place, name) == before


@pytest.fixture
def on_cpu(monkeypatch):
    """PyTorch's GPU is the CPU, which says that it computes in both half precisions."""
    monkeypatch.setattr(choose, "_torch_device", lambda: "cpu")
    monkeypatch.setattr(torch_hands, "halves", lambda _: ("float16", "bfloat16"))


def opened(of: Graph, name: str = "auto", **how) -> tuple[Upscaler, Card]:
    cards = []
    return choose.open_engine(name, of, device="gpu", tell=cards.append, **how), cards[0]


def test_a_gpu_is_opened_and_told_of(on_cpu):
    net, card = opened(graph())
    assert isinstance(net, Batches)
    assert (card.engine, card.precision, card.batches, card.notes) == ("torch", "float32", True, ())
    np.testing.assert_allclose(net(tiles(2)), TorchEngine(graph())(tiles(2)), atol=1e-5)


def test_half_precision_is_taken_where_it_agrees(on_cpu):
    net, card = opened(load_model(PRETRAINED / "clean-x2.safetensors")[0], precision="half")
    assert (card.precision, card.notes) == ("float16", ())
    assert net.device.precision == "float16"
    x = choose.sample(3, 30)
    off = np.abs(net(x) - choose.open_engine("torch", net.device.graph)(x)).max()
    assert 1e-6 < off < 1 / 255


def harmed(monkeypatch, harm: dict[str, float]) -> None:
    """Engines of these precisions add a number to what they make."""
    ended = TorchGpu.end

    def end(self, begun):
        return [tile + np.float32(harm.get(self.precision, 0)) for tile in ended(self, begun)]

    monkeypatch.setattr(TorchGpu, "end", end)


@pytest.mark.parametrize("by", [0.02, -0.02, float("nan"), float("inf")])
def test_half_precision_that_is_off_falls_back_and_says_so(on_cpu, monkeypatch, by):
    harmed(monkeypatch, {"float16": by, "bfloat16": by})
    net, card = opened(graph(), precision="half")
    assert net.device.precision == card.precision == "float32"
    assert len(card.notes) == 1
    assert "half precision is not used" in card.notes[0]
    assert "float16 is" in card.notes[0]
    assert card.notes[0].endswith("float32 is")


def test_the_second_half_precision_is_tried_when_the_first_overflows(on_cpu, monkeypatch):
    harmed(monkeypatch, {"float16": float("inf")})
    monkeypatch.setitem(choose.TOLERANCE, "half", 0.02)  # bfloat16 rounds more coarsely
    net, card = opened(graph(), precision="half")
    assert net.device.precision == card.precision == "bfloat16"


def test_half_precision_where_the_device_has_none(monkeypatch):
    monkeypatch.setattr(choose, "_torch_device", lambda: "cpu")
    net, card = opened(graph(), precision="half")
    assert net.device.precision == "float32"
    assert "none of its own" in card.notes[0]


def test_a_gpu_that_computes_something_else_is_refused(on_cpu, monkeypatch):
    harmed(monkeypatch, {"float32": 0.1})
    with pytest.raises(EngineUnavailable, match="something else"):
        opened(graph(), "torch")


def test_without_a_gpu_each_way_says_why(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(EngineUnavailable, match="no CUDA or MPS device"):
        choose.open_engine("torch", graph(), device="gpu")


@pytest.mark.parametrize("precision", ["float32", "half"])
def test_vulkan_is_next_and_computes_in_float32(monkeypatch, precision):
    pytest.importorskip("ncnn")
    opening = choose._open
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    monkeypatch.setattr(choose, "_open", lambda name, of, _, threads: opening(name, of, "cpu", threads))
    net, card = opened(graph(), precision=precision)
    assert (card.engine, card.name, card.precision, card.batches) == ("ncnn", "a GPU (vulkan)", "float32", False)
    assert [("half precision needs PyTorch" in note) for note in card.notes] == [True] * (precision == "half")
    np.testing.assert_allclose(net(tiles(1)), TorchEngine(graph())(tiles(1)), atol=1e-4)


@pytest.mark.parametrize(
    ("precision", "device", "said"),
    [("half", "cpu", "add --device gpu"), ("hlaf", "gpu", "did you mean half"), ("float64", "gpu", "float32 or half")],
)
def test_precisions_that_cannot_be(precision, device, said):
    with pytest.raises(BadRequest, match=said):
        choose.open_engine("auto", graph(), device=device, precision=precision)


@CUDA
class TestCuda:
    """For who has one."""

    def net(self, of: Graph, **how) -> Batches:
        return Batches(TorchGpu(of, device="cuda", **how), CARD)

    @pytest.mark.parametrize("path", sorted(PRETRAINED.glob("*.safetensors")), ids=lambda path: path.stem)
    def test_shipped_models_agree_with_the_cpu(self, path):
        of, _ = load_model(path)
        x = np.concatenate([choose.sample(of.channels, 61)] * 11)
        np.testing.assert_allclose(self.net(of)(x), upscaler(of)(x), atol=1e-4)

    @pytest.mark.parametrize("name", [*GRAPHS, "awkward"])
    def test_every_operation_agrees_with_the_cpu(self, name):
        of = GRAPHS[name]() if name in GRAPHS else graph(name)
        x = tiles(9, 48, 24, of.channels)
        np.testing.assert_allclose(self.net(of)(x), upscaler(of)(x), atol=1e-4, rtol=1e-4)

    def test_recorded_graphs_are_replayed_and_give_the_bits_of_single_steps(self):
        of, x = graph(), tiles(50, 40, 40)
        recorded, stepwise = self.net(of), self.net(of)
        stepwise.device._replays = False
        first = recorded(x)
        assert np.array_equal(first, stepwise(x))
        assert np.array_equal(first, recorded(x))
        (kept,) = recorded.device._shapes.values()
        assert kept.recorded
        assert recorded.device._replays

    def test_streams_give_what_one_thing_after_the_other_gives(self):
        of = graph()
        given = [tiles(1 + k % 5, 30 + 2 * (k % 3), 40) for k in range(60)]
        net, one = self.net(of), self.net(of, hands=Plain("cuda"))
        with ThreadPoolExecutor(20) as pool:
            made = list(pool.map(net, given))
        for x, y in zip(given, made, strict=True):
            np.testing.assert_allclose(y, one(x), atol=1e-5)

    def test_the_first_tile_is_measured_and_the_free_memory_known(self):
        net = self.net(graph())
        net(tiles(1, 200, 200))
        (kept,) = net.device._shapes.values()
        assert kept.took > 200 * 200 * 4 * 6  # one value of the chain at least
        assert net.device.most((3, 200, 200)) > 1

    def test_half_precision_agrees(self):
        net, card = opened(load_model(PRETRAINED / "clean-x2.safetensors")[0], "torch", precision="half")
        assert card.precision == "float16"
        x = choose.sample(3, 96)
        np.testing.assert_allclose(net(x), upscaler(net.device.graph)(x), atol=1 / 255)
