"""The contract of a network: what tiling, training, files and engines rely on."""

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from superres.graph.graph import Graph
from superres.graph.radius import halo
from superres.runtime.engines.choose import open_engine
from superres.runtime.engines.torch import TorchEngine
from superres.terms.network import NetworkFacts
from superres.terms.spec import Spec
from superres.terms.weights import load_network, save_network
from superres.train.export import to_graph
from superres.types import BadModel, BadRequest
from superres.zoo import Row

_ODD = 7


@dataclass(frozen=True)
class _Case:
    """A row, small enough to try."""

    row: Row

    def spec(self, *, scale: int | None = None, depth: int = 1) -> Spec[Any]:
        """The small network of one scale (the first of the row's) and depth."""
        at = {self.row.depth: depth} if self.row.depth else {}
        chosen = scale or self.row.scales[0]
        return Spec(self.row.target, {**self.row.arguments, **self.row.small, **at, "scale": chosen})

    def build(self, *, scale: int | None = None, depth: int = 1, seed: int = 0) -> nn.Module:
        """That network in evaluation, its weights moved a little from where they began, so that none is zero."""
        torch.manual_seed(seed)
        module = cast(nn.Module, self.spec(scale=scale, depth=depth).build())
        with torch.no_grad():
            for weight in module.parameters():
                weight.add_(0.02 * torch.randn_like(weight))
        return module.eval()

    def picture(self, module: nn.Module, *, batch: int = 1, least: int = 12, double: bool = False) -> Tensor:
        """An input of odd size, as far as the network allows."""
        facts = facts_of(module)
        generator = torch.Generator().manual_seed(1)
        sides = [_up(max(least + more, facts.smallest), facts.multiple) for more in (1, 4)]
        x = torch.rand(batch, facts.channels, *sides, generator=generator)
        return x.double() if double else x


def facts_of(module: nn.Module) -> NetworkFacts:
    """The facts of a network; AssertionError where it has none."""
    facts = getattr(module, "facts", None)
    _must(isinstance(facts, NetworkFacts), f"{type(module).__name__} has no facts; its constructor calls tell()")
    return cast(NetworkFacts, facts)


def check_network(row: Row, *, only: str | None = None) -> None:
    """Hold a row of the table, or one like it from elsewhere, to the laws of a network.

    The output has the stated size at any allowed size and at all scales; the count is exact; gradient reaches every
    weight; a batch gives what its pictures give one by one; a file gives the same network back; the same input gives
    the same output; impossible requests are BadRequest; the stated radius is what gradients see, at depths 1 and 2;
    tiles with that halo equal the whole; the graph, and what ncnn and ONNX Runtime make of it, equal the module. A law
    that the row has an exception for must fail.

    Args:
        only: one law, by its name in ``LAWS``.
    Raises: AssertionError that says which law was broken.
    """
    for name, law in LAWS.items():
        if only in (None, name):
            _held(row, name, law)


def _held(row: Row, name: str, law: Callable[[_Case], None]) -> None:
    reason = row.exceptions.get(name)
    try:
        law(_Case(row))
    except (AssertionError, BadModel) as error:
        if reason is None:
            raise AssertionError(f"{row.name}, {name}: {error}") from error
        return
    _must(reason is None, f"{row.name}, {name}: the law holds, but the row has an exception for it ({reason})")


def _must(law: bool, message: str) -> None:
    if not law:
        raise AssertionError(message)


def _up(size: int, multiple: int) -> int:
    return -(-size // multiple) * multiple


def _run(module: nn.Module, x: Tensor) -> Tensor:
    with torch.no_grad():
        return cast(Tensor, module(x))


def _far(one: Tensor, other: Tensor) -> float:
    return float((one - other).abs().max())


def _size(case: _Case) -> None:
    for scale in case.row.scales:
        module = case.build(scale=scale)
        facts = facts_of(module)
        _must(facts.scale == scale, f"its facts say x{facts.scale}, it was built for x{scale}")
        least = _up(facts.smallest, facts.multiple)
        for height, width in (
            (least, least),
            (least, _up(least + 5, facts.multiple)),
            (_up(13, facts.multiple), least),
        ):
            made = _run(module, torch.rand(2, facts.channels, max(least, height), width))
            wanted = (2, facts.channels, facts.factor * max(least, height), facts.factor * width)
            _must(tuple(made.shape) == wanted, f"x{scale}: {height}x{width} becomes {tuple(made.shape)}, not {wanted}")


def _refusals(case: _Case) -> None:
    module = case.build()
    facts = facts_of(module)
    least = _up(facts.smallest, facts.multiple)
    bad = [torch.rand(1, facts.channels + 1, least, least), torch.rand(facts.channels, least, least)]
    if facts.smallest > 1:
        bad.append(torch.rand(1, facts.channels, facts.smallest - 1, least))
    if facts.multiple > 1:
        bad.append(torch.rand(1, facts.channels, least + 1, least))
    for x in bad:
        try:
            _run(module, x)
        except BadRequest as error:
            _must("\n" not in str(error), "a refusal of several lines")
        except Exception as error:
            raise AssertionError(f"an input of {tuple(x.shape)} ends in a {type(error).__name__}") from error
        else:
            raise AssertionError(f"an input of {tuple(x.shape)} is not refused")
    if not facts.enlarged:
        try:
            built = case.spec(scale=_ODD).build()
            _must(facts_of(built).scale == _ODD, f"built for x{_ODD}, its facts say x{facts_of(built).scale}")
        except BadRequest:
            pass


def _count(case: _Case) -> None:
    for scale, wanted in case.row.parameters.items():
        with torch.device("meta"):
            module = cast(nn.Module, Spec(case.row.target, {**case.row.arguments, "scale": scale}).build())
        found = sum(weight.numel() for weight in module.parameters())
        _must(found == wanted, f"x{scale} has {found:,} parameters, the row says {wanted:,}")


def _gradient(case: _Case) -> None:
    """Of three beginnings at least one: a rectifier of few channels may be shut for all of a picture."""
    missing: set[str] = set()
    for seed in range(3):
        module = case.build(depth=2, seed=seed).train()
        made = cast(Tensor, module(case.picture(module, batch=2, least=16)))
        made.mul(torch.rand(made.shape)).sum().backward()
        unseen = {
            name for name, one in module.named_parameters() if one.grad is None or not bool(one.grad.abs().sum() > 0)
        }
        missing = unseen if seed == 0 else missing & unseen
        if not missing:
            return
    raise AssertionError(f"no gradient reaches {', '.join(sorted(missing)[:3])}")


def _batch(case: _Case) -> None:
    module = case.build(depth=2).double()
    x = case.picture(module, batch=2, double=True)
    together = _run(module, x)
    for index in (0, 1):
        far = _far(together[index : index + 1], _run(module, x[index : index + 1]))
        _must(far < 1e-9, f"a batch of two differs from its pictures by {far:.2g}")


def _file(case: _Case) -> None:
    module = case.build(depth=2)
    x = case.picture(module)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.safetensors"
        save_network(path, module, case.spec(depth=2), {})
        again, _ = load_network(path)
        _must(torch.equal(_run(module, x), _run(again, x)), "a file gives another network back")
        if not case.row.depth:
            return
        save_network(path, module, case.spec(depth=1), {})
        try:
            load_network(path)
        except BadModel as error:
            _must("\n" not in str(error), "a refusal of several lines")
        else:
            _must(len(module.state_dict()) == len(case.build(depth=1).state_dict()), "foreign weights are taken")


def _deterministic(case: _Case) -> None:
    module = case.build(depth=2)
    x = case.picture(module)
    _must(torch.equal(_run(module, x), _run(module, x)), "the same input gives two outputs")
    _must(torch.equal(_run(case.build(depth=2), x), _run(module, x)), "the same seed gives two networks")


def _positive(module: nn.Module) -> nn.Module:
    """Weights above zero, sums of about one: gradients that neither cancel nor vanish show all that is seen."""
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for name, weight in module.named_parameters():
            fan = weight[0].numel() if weight.ndim > 1 else 1
            low = 0.5 + torch.rand(weight.shape, generator=generator)
            weight.copy_(low / fan if not name.endswith("bias") else 0.1 * low)
    return module.double().eval()


def seen_by_gradient(module: nn.Module, side: int) -> int:
    """Pixels that the output pixels of one period in the middle see around their own, at most, on a square picture."""
    facts = facts_of(module)
    generator = torch.Generator().manual_seed(3)
    x = torch.rand(1, facts.channels, side, side, generator=generator, dtype=torch.float64).requires_grad_()
    made = cast(Tensor, module(x))
    middle = side // 2 // facts.multiple * facts.multiple
    furthest = 0
    for phase in range(facts.multiple * facts.factor):
        place = middle * facts.factor + phase
        (slope,) = torch.autograd.grad(made[0, :, place, place].sum(), x, retain_graph=True)
        own = middle + phase // facts.factor
        for axis in (1, 2):
            seen = torch.nonzero(slope[0].abs().amax((0, 3 - axis))).flatten()
            furthest = max(furthest, own - int(seen[0]), int(seen[-1]) - own)
    return furthest


def _radius(case: _Case) -> None:
    for depth in (1, 2) if case.row.depth else (1,):
        for scale in case.row.scales:
            module = _positive(case.build(scale=scale, depth=depth))
            facts = facts_of(module)
            room = 12 if facts.radius is None else facts.radius + 1
            side = max(facts.smallest, 2 * (room + facts.multiple))
            side = _up(side, 2 * facts.multiple)
            found = seen_by_gradient(module, side)
            if facts.radius is None:
                _must(found >= side // 2 - 1, f"depth {depth}: it says that it sees all, and sees {found} pixels")
            else:
                _must(found == facts.radius, f"x{scale}, depth {depth}: it sees {found}, its facts say {facts.radius}")


def _tiles(case: _Case) -> None:
    module = case.build(depth=2).double()
    facts = facts_of(module)
    _must(facts.radius is not None, "it sees the whole picture")
    room = _up(cast(int, facts.radius), facts.multiple)
    core = _up(6, facts.multiple)
    side = max(_up(facts.smallest, facts.multiple), 2 * room + 3 * core)
    x = torch.rand(1, facts.channels, side, side, generator=torch.Generator().manual_seed(4)).double()
    whole = _run(module, x)
    for top, left in ((room + core, room + core), (0, room + core), (side - core, 0)):
        rows = slice(max(0, top - room), min(side, top + core + room))
        columns = slice(max(0, left - room), min(side, left + core + room))
        if min(rows.stop - rows.start, columns.stop - columns.start) < facts.smallest:
            continue
        made, s = _run(module, x[:, :, rows, columns]), facts.factor
        high, wide = s * (top - rows.start), s * (left - columns.start)
        part = made[:, :, high : high + s * core, wide : wide + s * core]
        far = _far(part, whole[:, :, s * top : s * (top + core), s * left : s * (left + core)])
        _must(far < 1e-9, f"a tile at {top}, {left} with a halo of {room} differs from the whole by {far:.2g}")


def _traced(case: _Case, scale: int) -> tuple[nn.Module, NetworkFacts, Graph]:
    module = case.build(scale=scale, depth=2)
    facts = facts_of(module)
    return module, facts, to_graph(module, scale=facts.factor, channels=facts.channels)


def _graph(case: _Case) -> None:
    for scale in case.row.scales:
        module, facts, graph = _traced(case, scale)
        _must(halo(graph) == facts.radius, f"x{scale}: its graph sees {halo(graph)}, its facts say {facts.radius}")
        x = case.picture(module)
        far = float(np.abs(TorchEngine(graph, threads=1)(x.numpy()) - _run(module, x).numpy()).max())
        _must(far < 1e-5, f"x{scale}: the graph differs from the module by {far:.2g}")


def _engine(name: str) -> Callable[[_Case], None]:
    def law(case: _Case) -> None:
        for scale in case.row.scales:
            module, _, graph = _traced(case, scale)
            x = case.picture(module, least=24)
            far = float(np.abs(open_engine(name, graph, threads=1)(x.numpy()) - _run(module, x).numpy()).max())
            _must(far < 1e-4, f"x{scale}: {name} differs from the module by {far:.2g}")

    return law


LAWS: Mapping[str, Callable[[_Case], None]] = {
    "size": _size,
    "refusals": _refusals,
    "count": _count,
    "gradient": _gradient,
    "batch": _batch,
    "file": _file,
    "deterministic": _deterministic,
    "radius": _radius,
    "tiles": _tiles,
    "graph": _graph,
    "ncnn": _engine("ncnn"),
    "onnx": _engine("onnxruntime"),
}
