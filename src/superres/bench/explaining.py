"""One pair under every usual convention: which of them did a paper use?"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from superres.bench.measuring import measure
from superres.bench.pictures import sane
from superres.bench.protocols import DEFAULT, PROTOCOLS, Protocol
from superres.functional.ssim import Window, ssim
from superres.types import Array, BadRequest

_RESULT_ONLY = ("y-truncated-v1", "y-float-v1")  # the same as the default for a result in whole levels


@dataclass(frozen=True)
class Reading:
    """The figures of a pair under one convention; None where it does not say how that metric is measured."""

    convention: str
    what: str
    psnr: float | None
    ssim: float | None


def readings(test: Array, reference: Array, scale: int) -> list[Reading]:
    """The pair under the default protocol first, then under all others that can tell it from them.

    Pictures are (H, W) or (H, W, 3), as in :func:`superres.measure`.
    """
    sane(test, "test picture")
    default = PROTOCOLS[DEFAULT]
    chosen = [one for one in PROTOCOLS.values() if one.name == DEFAULT or _tells(one, test)]
    rows = [_under(one, test, reference, scale) for one in chosen]
    views = [_view(default, x, reference, scale) for x in (test, reference)]
    rows += [Reading(name, what, None, value) for name, what, value in _similarities(*views)]
    return rows


def nearest(rows: Sequence[Reading], target: float, count: int = 3) -> list[tuple[Reading, float]]:
    """The conventions whose figure comes nearest to ``target``, and by how much they miss it.

    A target of 1 or less is an SSIM, a larger one a PSNR in dB.
    """
    similarity = abs(target) <= 1
    figures = [(row, row.ssim if similarity else row.psnr) for row in rows]
    missed = [(row, value - target) for row, value in figures if value is not None]
    return sorted(missed, key=lambda one: abs(one[1]))[:count]


def trimmed(reference: Array, test: Array, scale: int) -> tuple[Array, str]:
    """The reference without what a scale that does not divide it leaves over, and what was done, in words."""
    extra = [wide - high for wide, high in zip(reference.shape[:2], test.shape[:2], strict=True)]
    if extra == [0, 0]:
        return reference, ""
    if not all(0 <= one < scale for one in extra):
        raise BadRequest(
            f"the result is {test.shape[1]}x{test.shape[0]} and the reference {reference.shape[1]}x"
            f"{reference.shape[0]}; they differ by more than what a scale of {scale} leaves over"
        )
    said = f"{extra[1]} columns at the right and {extra[0]} rows at the bottom of the reference were left out"
    return reference[: test.shape[0], : test.shape[1]], said


def _tells(protocol: Protocol, test: Array) -> bool:
    """Whether the protocol may differ from the default for one pair of this kind."""
    same_result = protocol.name in _RESULT_ONLY and test.dtype.kind != "f"
    only_input = protocol.resizer != "matlab" and not protocol.whole_levels
    only_colour = test.ndim == 2 and protocol.border == PROTOCOLS[DEFAULT].border and protocol.name not in _RESULT_ONLY
    return not (same_result or only_input or only_colour or protocol.mean == "pooled" or protocol.luma_first)


def _under(protocol: Protocol, test: Array, reference: Array, scale: int) -> Reading:
    found = measure(test, reference, protocol=protocol, scale=scale).values
    return Reading(protocol.name, protocol.title, found["psnr"], found["ssim"])


def _view(protocol: Protocol, x: Array, reference: Array, scale: int) -> Tensor:
    cut = protocol.cut(scale)
    inner = protocol.rounded(x, reference)[cut : x.shape[0] - cut, cut : x.shape[1] - cut]
    return protocol.view(inner)


def _similarities(x: Tensor, y: Tensor) -> Iterator[tuple[str, str, float]]:
    """Other SSIMs of the default protocol's bands."""
    with torch.inference_mode():
        for name, what, value in _SIMILARITIES:
            yield name, what, float(value(x, y))


def _flat(x: Tensor, y: Tensor) -> Tensor:
    return ssim(x, y, window=Window(size=7, flat=True, sample=True))


def _sampled(x: Tensor, y: Tensor) -> Tensor:
    return ssim(x, y, window=Window(sample=True))


def _padded(mode: str) -> Callable[[Tensor, Tensor], Tensor]:
    return lambda x, y: ssim(*(F.pad(one, (5, 5, 5, 5), mode=mode) for one in (x, y)))


def _reduced(x: Tensor, y: Tensor) -> Tensor:
    factor = max(1, round(min(x.shape[2:]) / 256))
    return ssim(*(F.avg_pool2d(one, factor) for one in (x, y)))


_SIMILARITIES: tuple[tuple[str, str, Callable[[Tensor, Tensor], Tensor]], ...] = (
    ("ssim 7x7", "flat window, sample covariance (scikit-image's default)", _flat),
    ("ssim n-1", "sample covariance (scikit-image with gaussian_weights only)", _sampled),
    ("ssim reflect", "map of the whole size, edges reflected (torchmetrics)", _padded("reflect")),
    ("ssim repeat", "map of the whole size, edges repeated (MATLAB's built-in ssim)", _padded("replicate")),
    ("ssim reduced", "averaged down to about 256 pixels first (piq's default, ssim.m's advice)", _reduced),
)
