"""The contract of a metric: what a figure must be before anybody may trust it.

    check_metric(PSNR(), identity=float("inf"))

in a test is all that a new metric needs besides the values it is held to.
"""

import math
from collections.abc import Callable, Iterator
from typing import get_args, get_type_hints

import torch
from torch import Tensor

from superres.terms.metric import Metric, MetricFacts
from superres.types import BadRequest

_BATCH = 3


def check_metric(
    metric: Metric,
    *,
    identity: float | None = None,
    side: int | None = None,
    rtol: float = 1e-6,
) -> None:
    """Hold ``metric`` to ``terms.metric.Metric``; raises AssertionError with what is wrong.

    Args:
        identity: its value for a picture against itself (for metrics with a reference); NaN where it has none.
        side: about how large the drawn pictures are; a little above the metric's smallest when not given.
        rtol: how near a batch must come to its pictures one by one, in float64; in float32 it is 1e-3.
    """
    facts = metric.facts
    _facts(facts)
    side = side or max(facts.smallest, 24)
    assert side >= facts.smallest, f"side is {side}, the metric's smallest is {facts.smallest}"
    assert isinstance(metric, Metric), f"{type(metric).__name__} has not the shape of terms.metric.Metric"
    pairs = list(_pairs(facts, side))
    for dtype in (torch.float64, torch.float32):
        for test, reference in pairs:
            _values(metric, test.to(dtype), None if reference is None else reference.to(dtype), rtol)
    if facts.needs_reference:
        assert identity is not None, f"{facts.name}: say identity=, its value for a picture against itself"
        if not math.isnan(identity):
            _identity(metric, side, identity)
    _smallest(metric)
    _refusals(metric, side)
    if facts.differentiable:
        _gradient(metric, *pairs[0])


def check_on_device(metric: Metric, device: str, *, side: int | None = None, rtol: float = 1e-4) -> None:
    """Hold ``metric`` to the same values on ``device`` ("cuda") as on the CPU; raises AssertionError."""
    for test, reference in _pairs(metric.facts, side or max(metric.facts.smallest, 24)):
        for dtype in (torch.float32,) if device == "mps" else (torch.float32, torch.float64):
            pair = [None if x is None else x.to(dtype) for x in (test, reference)]
            here = metric(*pair)  # type: ignore[arg-type]
            there = metric(*(None if x is None else x.to(device) for x in pair))  # type: ignore[arg-type]
            assert there.device.type == torch.device(device).type, f"{metric.facts.name} left {device}"
            assert torch.allclose(there.cpu(), here, rtol=rtol, atol=rtol), (
                f"{metric.facts.name} ({dtype}) gives {here.tolist()} on the CPU and {there.tolist()} on {device}"
            )


def drawn(batch: int, bands: int, height: int, width: int, *, seed: int = 0) -> Tensor:
    """(B, C, H, W) float64 in [0, 1]: waves, edges and a little noise, a different picture for each place."""
    random = torch.Generator().manual_seed(seed)
    down = torch.arange(height, dtype=torch.float64).view(1, 1, -1, 1)
    along = torch.arange(width, dtype=torch.float64).view(1, 1, 1, -1)
    rates = torch.rand(batch, bands, 1, 1, 4, generator=random, dtype=torch.float64)
    waves = torch.sin(down * (0.05 + rates[..., 0])) * torch.cos(along * (0.05 + rates[..., 1]))
    edges = torch.sign(torch.sin(0.13 * (along * rates[..., 2] + down * rates[..., 3]) + 6 * rates[..., 0]))
    noise = torch.randn(batch, bands, height, width, generator=random, dtype=torch.float64)
    return (0.5 + 0.22 * waves + 0.12 * edges + 0.04 * noise).clamp(0, 1)


def _facts(facts: MetricFacts) -> None:
    assert isinstance(facts, MetricFacts), f"facts is a {type(facts).__name__}, wanted terms.metric.MetricFacts"
    for name in ("name", "conventions", "source"):
        assert getattr(facts, name).strip(), f"facts.{name} is empty"
    hints = get_type_hints(MetricFacts)
    for name in ("better", "takes"):
        assert getattr(facts, name) in get_args(hints[name]), f"facts.{name} is {getattr(facts, name)!r}"
    low, high = facts.range
    assert low < high, f"facts.range is {facts.range}; the lower end comes first"
    assert facts.smallest >= 1, f"facts.smallest is {facts.smallest}"


def _kinds(facts: MetricFacts) -> tuple[int, ...]:
    """How many bands the metric is tried with."""
    return {"rgb": (3,), "gray": (3, 1), "bands": (3, 1, 4), "picture": (3, 1, 4)}[facts.takes]


def _pairs(facts: MetricFacts, side: int) -> Iterator[tuple[Tensor, Tensor | None]]:
    for bands in _kinds(facts):
        reference = drawn(_BATCH, bands, side + 1, side + 6)
        noise = torch.randn(reference.shape, generator=torch.Generator().manual_seed(9), dtype=torch.float64)
        strength = torch.tensor([0.02, 0.08, 0.3], dtype=torch.float64).view(-1, 1, 1, 1)
        test = (reference + strength * noise).clamp(0, 1)
        yield test, reference if facts.needs_reference else None


def _values(metric: Metric, test: Tensor, reference: Tensor | None, rtol: float) -> None:
    """Shape, dtype, range; the same again; the arguments left alone; a batch is its pictures one by one."""
    name, kept = metric.facts.name, [x.clone() for x in (test, reference) if x is not None]
    found = metric(test, reference)
    assert isinstance(found, Tensor), f"{name} gives a {type(found).__name__}, wanted a tensor"
    assert tuple(found.shape) == (len(test),), f"{name} gives shape {tuple(found.shape)}, wanted ({len(test)},)"
    assert found.dtype == test.dtype, f"{name} gives {found.dtype} for {test.dtype}"
    _in_range(metric, found)
    left = [x for x in (test, reference) if x is not None]
    assert all(torch.equal(a, b) for a, b in zip(kept, left, strict=True)), f"{name} changes what it is given"
    again = metric(test, reference)
    assert torch.equal(found, again), f"{name} gives {found.tolist()} and then {again.tolist()}"
    single = torch.cat(
        [metric(test[i : i + 1], None if reference is None else reference[i : i + 1]) for i in range(len(test))]
    )
    near = rtol if test.dtype == torch.float64 else 1e-3
    assert torch.allclose(found, single, rtol=near, atol=near), (
        f"{name} ({test.dtype}): a batch gives {found.tolist()}, its pictures one by one {single.tolist()}"
    )


def _in_range(metric: Metric, found: Tensor) -> None:
    low, high = metric.facts.range
    slack = 1e-5
    fine = not found.isnan().any() and low - slack <= float(found.min()) and float(found.max()) <= high + slack
    assert fine, f"{metric.facts.name} gives {found.tolist()}, outside its range {metric.facts.range}"


def _identity(metric: Metric, side: int, identity: float) -> None:
    for bands in _kinds(metric.facts):
        picture = drawn(2, bands, side + 3, side)
        for x in (picture, picture.float()):
            for value in map(float, metric(x, x.clone())):
                near = value == identity if math.isinf(identity) else abs(value - identity) <= 1e-5
                assert near, f"{metric.facts.name} of a picture against itself is {value}, wanted {identity}"


def _smallest(metric: Metric) -> None:
    """A picture of exactly ``smallest`` pixels a side is measured; one pixel less is refused."""
    facts = metric.facts
    bands, side = _kinds(facts)[0], facts.smallest
    for height, width in ((side, side), (side + 1, side)):
        x = drawn(1, bands, height, width)
        y = drawn(1, bands, height, width, seed=1) if facts.needs_reference else None
        _in_range(metric, metric(x, y))
    if side > 1:
        x = drawn(1, bands, side - 1, side + 40)
        _refused(metric, lambda: metric(x, x if facts.needs_reference else None), f"a side of {side - 1} pixels")


def _refusals(metric: Metric, side: int) -> None:
    facts = metric.facts
    bands = _kinds(facts)[0]
    good = drawn(2, bands, side + 2, side + 4)
    other = good if facts.needs_reference else None
    spoilt = {
        "NaN": _with(good, float("nan")),
        "infinity": _with(good, float("inf")),
        "minus infinity": _with(good, float("-inf")),
        "samples of 0 to 255": good * 255,
        "samples below 0": good - 0.3,
        "integers": (good * 255).to(torch.uint8),
        "a shape of three": good[0],
        "an empty batch": good[:0],
    }
    for what, bad in spoilt.items():
        _refused(
            metric,
            lambda bad=bad: metric(bad, bad if bad.shape != good.shape and facts.needs_reference else other),
            what,
        )
        if facts.needs_reference:
            _refused(metric, lambda bad=bad: metric(good, bad), f"{what} in the reference")
    if facts.takes == "rgb":
        gray = good[:, :1]
        _refused(metric, lambda: metric(gray, gray if facts.needs_reference else None), "a gray picture")
    if facts.needs_reference:
        cases = {
            "no reference": None,
            "a smaller reference": good[..., :-1],
            "a lower reference": good[..., :-1, :],
            "fewer references": good[:1],
            "gray against RGB": good[:, :1],
            "another dtype": good.float(),
        }
        for what, reference in cases.items():
            _refused(metric, lambda reference=reference: metric(good, reference), what)


def _with(x: Tensor, value: float) -> Tensor:
    x = x.clone()
    x[-1, -1, -1, -1] = value
    return x


def _refused(metric: Metric, call: Callable[[], object], what: str) -> None:
    said = found = None
    try:
        found = call()
    except BadRequest as error:
        said = str(error)
    assert said is not None, f"{metric.facts.name} measures {what} as {found}; wanted BadRequest"
    assert "\n" not in said, f"{metric.facts.name}: the message on {what} is not one line: {said!r}"


def _gradient(metric: Metric, test: Tensor, reference: Tensor | None) -> None:
    """Finite for every picture, not zero, and in the direction that small steps confirm."""
    facts = metric.facts
    x = test.clone().requires_grad_()
    found = metric(x, reference)
    assert found.requires_grad, f"{facts.name} says it is differentiable, but its result has no gradient"
    (gradient,) = torch.autograd.grad(found.sum(), x)
    assert gradient.isfinite().all(), f"{facts.name} has a gradient that is not finite"
    assert (gradient.flatten(1).norm(dim=1) > 0).all(), f"{facts.name} has a gradient of zero"
    inside = ((test > 0.05) & (test < 0.95)).to(test)
    step = 1e-5 * gradient * inside / (gradient * inside).abs().amax((1, 2, 3), keepdim=True)
    with torch.no_grad():
        risen = metric(test + step, reference) - metric(test - step, reference)
    wanted = 2 * (gradient * step).sum((1, 2, 3))
    assert torch.allclose(risen, wanted, rtol=0.05, atol=0), (
        f"{facts.name}: steps along the gradient change the value by {risen.tolist()}, "
        f"the gradient says {wanted.tolist()}"
    )
