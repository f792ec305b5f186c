"""SRCNN (Dong et al., ECCV 2014): the paper's own scheme, and the quick one that made the weights in the package.

    superres train srcnn --data-root DATA --out RUN
    superres train srcnn-fast --data-root DATA --out RUN --set data.scale=2 --set network.scale=2

Both learn from T91 alone, in luma of studio range, without padding. ``srcnn-blur`` is the paper's scheme on the paper's
other input: a Gaussian blur and subsampling in place of MATLAB's bicubic.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from superres.data.pictures import Pictures
from superres.data.sub_images import SubImages
from superres.degradations.recipes import srcnn as blur_subsample_enlarge
from superres.functional.colour import studio_luma
from superres.images.resize import imresize
from superres.losses.l2 import L2
from superres.methods.supervised import Supervised
from superres.networks.srcnn import SRCNN
from superres.terms.run import Keep, Optimise, Run, Validate
from superres.terms.spec import LATE, part, spec
from superres.types import Array, BadRequest

Colour = Literal["luma", "rgb"]
Input = Literal["bicubic", "blur"]


def srcnn(
    *,
    scale: int = 3,
    kernels: Sequence[int] = (9, 1, 5),
    colour: Colour = "luma",
    data: str | Sequence[str] = "t91",
    given: Input = "bicubic",
) -> Run:
    """The paper's scheme: plain SGD from weights of N(0, 0.001), the last layer ten times slower, 8e8 sub-images.

    The paper's loss is the squared error of a sub-image, halved as its Caffe code has it; here it is the mean over the
    pixels, so that the paper's rate of 1e-4 is multiplied by half their number. ``given`` is how the input is made:
    ``bicubic`` reduction, as everybody tests, or Gaussian ``blur`` (standard deviation 1.6) and subsampling; either is
    enlarged bicubically.
    """
    if given not in ("bicubic", "blur"):
        raise BadRequest(f"given {given!r} is not known; use bicubic or blur")
    channels, size = _channels(colour), 33
    target = size - 2 * SRCNN(kernels=kernels).valid_border
    return Run(
        name=f"srcnn-x{scale}",
        network=spec(SRCNN, kernels=tuple(kernels), channels=channels, padding=False, scale=scale),
        method=spec(Supervised, network=LATE, loss=part(L2)),
        data=spec(
            SubImages,
            data,
            scale=scale,
            size=size,
            stride=14,
            target=target,
            batch=128,
            colour=colour,
            degradation=None if given == "bicubic" else part(blur_subsample_enlarge, scale=scale),
        ),
        optimise=Optimise(
            optimiser="sgd",
            lr=1e-4 * channels * target**2 / 2,
            momentum=0.9,
            groups=(("reconstruct.*", 0.1),),
            steps=6_250_000,
        ),
        validate=_validate(every=50_000),
        keep=Keep(save=10_000, log=1000),
    )


def srcnn_blur() -> Run:
    """:func:`srcnn` on the paper's own degradation. Its figures on bicubic input say nothing."""
    return replace(srcnn(given="blur"), name="srcnn-blur-x3", validate=None)


def srcnn_fast(
    *, scale: int = 3, kernels: Sequence[int] = (9, 1, 5), colour: Colour = "luma", data: str | Sequence[str] = "t91"
) -> Run:
    """Minutes on one core in place of days: SOAP from the bicubic picture, on input that is rounded as files are.

    Biases move ten times slower than kernels, the last kernel three times; larger sub-images waste less on their
    borders. Chosen on ten pictures of T91 that were held out.
    """
    size, border = 45, SRCNN(kernels=kernels).valid_border
    return Run(
        name=f"srcnn-fast-x{scale}",
        network=spec(
            SRCNN, kernels=tuple(kernels), channels=_channels(colour), padding=False, scale=scale, start="identity"
        ),
        method=spec(Supervised, network=LATE, loss=part(L2)),
        data=spec(
            SubImages,
            data,
            scale=scale,
            size=size,
            stride=10,
            target=size - 2 * border,
            batch=8,
            colour=colour,
            precision="uint8",
            flip=True,
            rotate=True,
        ),
        optimise=Optimise(
            optimiser="soap",
            lr=3e-3,
            betas=(0.95, 0.95),
            schedule="cosine",
            warmup=100,
            floor=0.01,
            groups=(("*.bias", 0.1), ("reconstruct.weight", 0.3)),
            ema=0.998,
            steps=10_000,
            ahead=0,
        ),
        validate=_validate(every=500),
        keep=Keep(save=500, log=100),
    )


class Interpolated:
    """Mean PSNR in dB of a network that is given bicubically enlarged pictures, as MATLAB users measure it.

    The low-resolution picture is ``imresize`` of 8 bits; its unrounded luma (or RGB) is enlarged in float, its edge
    repeated; the luma of the result is not rounded; ``scale`` pixels of border are left out.
    """

    def __init__(self, *, suites: Sequence[str], scale: int, root: str | None = None) -> None:
        self.scale = scale
        self._pairs = {
            name: [_pair(pictures[at], scale) for at in range(len(pictures))]
            for name in suites
            for pictures in [Pictures(name, bands=3, cache="memory", root=root)]
        }

    @torch.inference_mode()
    def __call__(self, network: nn.Module) -> dict[str, float]:
        return {
            f"{name}.psnr": float(np.mean([self._psnr(network, *pair) for pair in pairs]))
            for name, pairs in self._pairs.items()
        }

    def _psnr(self, network: nn.Module, soft: Array, sharp: Array) -> float:
        given = torch.from_numpy(soft).permute(2, 0, 1)[None]
        first = next(network.parameters())
        given = given if first.shape[1] == 3 else studio_luma(given)
        small = network(given.to(first))
        room = (given.shape[2] - small.shape[2]) // 2
        out = network(F.pad(given.to(first), (room,) * 4, mode="replicate")).cpu()
        luma = out if out.shape[1] == 1 else studio_luma(out)
        s = self.scale
        error = (luma[0, 0].clamp(0, 1).double().numpy() - sharp)[s:-s, s:-s]
        return float(-10 * np.log10(np.mean(error**2)))


def _pair(x: Array, scale: int) -> tuple[Array, Array]:
    """The enlarged picture (H, W, 3) and the luma (H, W) that it should have, both in [0, 1]."""
    x = x[: x.shape[0] // scale * scale, : x.shape[1] // scale * scale]
    soft = imresize(imresize(x, 1 / scale).astype(np.float64) / 255, scale)
    sharp = studio_luma(torch.from_numpy(x.astype(np.float64) / 255).permute(2, 0, 1))
    return soft.astype(np.float32), sharp[0].numpy()


def _channels(colour: Colour) -> int:
    if colour not in ("luma", "rgb"):
        raise BadRequest(f"colour {colour!r} is not known; use luma or rgb")
    return 1 if colour == "luma" else 3


def _validate(every: int) -> Validate:
    """Reported, never used to choose: what is shipped are the last weights."""
    return Validate(suites=("set5",), every=every, target="superres.recipes.srcnn:Interpolated")
