"""The contract of a degradation: what training, the command line and stored draws rely on."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from superres.terms.degradation import Degradation, Draw
from superres.types import BadRequest


def check_degradation(
    degradation: Degradation, *, bands: int = 3, size: tuple[int, int] = (48, 60), count: int = 3, seed: int = 0
) -> None:
    """Hold a degradation to the laws of ``terms.degradation.Degradation``.

    Draws are plain data and a function of the generator alone; the same draws, also after a way through JSON, give
    identical pixels; a batch gives what its pictures give one by one; size, dtype, device and the argument are kept;
    impossible requests raise BadRequest; on a GPU, where there is one, results agree within 1/255.

    Args:
        size: of the pictures that it is tried on, rounded up to multiples of the scale (and of ``factor``, if any).
    Raises: AssertionError that says which law was broken.
    """
    name = type(degradation).__name__
    _must(isinstance(degradation, Degradation), f"{name} lacks scale, draw or apply")
    scale = degradation.scale
    _must(type(scale) is int and scale >= 1, f"{name}.scale is {scale!r}; wanted an int from 1")
    step = scale * int(getattr(degradation, "factor", 1))
    height, width = (-(-side // step) * step for side in size)
    x = _pictures(count, bands, height, width, seed)
    draws = _check_draws(degradation, name, count, seed)
    for dtype in (torch.float32, torch.float64):
        _check_pixels(degradation, name, x.to(dtype), draws)
    _check_refusals(degradation, name, x, draws)
    if torch.cuda.is_available():
        there = degradation.apply(x.cuda(), draws)
        _must(there.device.type == "cuda", f"{name} leaves the device")
        far = float((there.cpu() - degradation.apply(x, draws)).abs().max())
        _must(far <= 1 / 255 + 1e-6, f"{name} differs by {far * 255:.2f}/255 between CPU and GPU")


def _must(law: bool, message: str) -> None:
    if not law:
        raise AssertionError(message)


def _pictures(count: int, bands: int, height: int, width: int, seed: int) -> Tensor:
    """Whole 8-bit steps: smooth waves, with an edge and some grain."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:height, :width]
    made = np.empty((count, bands, height, width))
    for i in range(count):
        for band in range(bands):
            a, b, phase = rng.uniform(0.05, 0.6, 3)
            wave = 0.5 + 0.3 * np.sin(a * rows + b * columns + 6 * phase)
            made[i, band] = wave + 0.2 * (columns > width * phase) + rng.normal(0, 0.02, (height, width))
    return torch.from_numpy(np.clip(np.round(made * 255), 0, 255).astype(np.float32) / np.float32(255))


def _check_draws(degradation: Degradation, name: str, count: int, seed: int) -> list[Draw]:
    rngs = [np.random.Generator(np.random.Philox(key=seed, counter=[0, 0, 0, 7])) for _ in range(2)]
    draws, again = ([degradation.draw(rng) for _ in range(count)] for rng in rngs)
    _must(draws == again, f"{name}.draw is no function of its generator")
    for draw in draws:
        _must(type(draw) is dict, f"{name}.draw gives a {type(draw).__name__}; wanted a dict")
        _must(_through_json(draw) == draw, f"{name}.draw does not survive JSON: {draw}")
    return draws


def _through_json(draw: Draw) -> Draw:
    return cast(Draw, json.loads(json.dumps(draw, allow_nan=False)))


def _check_pixels(degradation: Degradation, name: str, x: Tensor, draws: list[Draw]) -> None:
    kept, scale = x.clone(), degradation.scale
    with _random_state_untouched(name):
        y = degradation.apply(x, draws)
    wanted = (*x.shape[:2], x.shape[2] // scale, x.shape[3] // scale)
    _must(tuple(y.shape) == wanted, f"{name} gives shape {tuple(y.shape)}; wanted {wanted}")
    _must(y.dtype == x.dtype and y.device == x.device, f"{name} gives {y.dtype} on {y.device} for {x.dtype}")
    _must(bool(torch.isfinite(y).all()), f"{name} gives NaN or infinity")
    _must(torch.equal(x, kept), f"{name} changes the pictures that it is given")
    replayed = degradation.apply(x, [_through_json(draw) for draw in draws])
    _must(torch.equal(replayed, y), f"{name} does not replay to the same pixels")
    alone = torch.cat([degradation.apply(x[i : i + 1], [draw]) for i, draw in enumerate(draws)])
    _must(torch.equal(alone, y), f"{name} makes another picture of a batch than of its pictures one by one")
    order = list(range(len(draws)))[::-1]
    backwards = degradation.apply(x[order], [draws[i] for i in order])
    _must(torch.equal(backwards[order], y), f"{name} depends on the order of the batch")
    last = degradation.apply(x.contiguous(memory_format=torch.channels_last), draws)
    _must(torch.allclose(last, y, rtol=0, atol=1e-5), f"{name} depends on the layout in memory")


@contextmanager
def _random_state_untouched(name: str) -> Iterator[None]:
    before: Any = np.random.get_state()  # noqa: NPY002 - the global generator is what must be left alone
    tensor = torch.get_rng_state()
    yield
    after: Any = np.random.get_state()  # noqa: NPY002
    same = torch.equal(tensor, torch.get_rng_state()) and before[2] == after[2] and bool((before[1] == after[1]).all())
    _must(same, f"{name}.apply draws from a global generator")


def _check_refusals(degradation: Degradation, name: str, x: Tensor, draws: list[Draw]) -> None:
    wrong = [("a missing draw", x, draws[1:]), ("three axes", x[0], draws)]
    step = degradation.scale * int(getattr(degradation, "factor", 1))
    if step > 1:
        wrong.append(("a size that the scale does not divide", x[..., :-1], draws))
    for what, pictures, drawn in wrong:
        try:
            degradation.apply(pictures, drawn)
        except BadRequest:
            continue
        raise AssertionError(f"{name} accepts {what}; wanted BadRequest")
