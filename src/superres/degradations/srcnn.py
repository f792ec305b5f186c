"""The protocol of SRCNN: the network is given a blurred picture of the full size.

Dong et al., "Image super-resolution using deep convolutional networks", TPAMI 2016, section 4: blur by a Gaussian,
subsample, enlarge by bicubic interpolation to the size of before. The paper does not give the Gaussian's width, and
its published code reduces by MATLAB's bicubic instead; both are here.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from superres.degradations.batch import check
from superres.degradations.blur import Blur
from superres.degradations.imresize import Imresize
from superres.degradations.kernels import Isotropic
from superres.degradations.quantise import Quantise
from superres.functional.resize import imresize
from superres.terms.degradation import Degradation, Draw
from superres.types import BadRequest


@dataclass(frozen=True, kw_only=True)
class Srcnn:
    """Reduce by ``factor`` and enlarge again by MATLAB's bicubic; the size stays, so ``scale`` is 1.

    ``sigma`` is the Gaussian's standard deviation in samples of the large picture, its kernel 2 * ceil(3 sigma) + 1
    samples wide, sampled without a shift; None reduces by MATLAB's bicubic. ``levels`` rounds both pictures.
    """

    factor: int
    sigma: float | None = 1.6
    levels: int | None = 255

    def __post_init__(self) -> None:
        if self.factor < 2 or (self.sigma is not None and self.sigma <= 0):
            raise BadRequest(f"factor {self.factor}, sigma {self.sigma}: wanted a factor of 2 or more, sigma above 0")

    @property
    def scale(self) -> int:
        return 1

    def draw(self, rng: np.random.Generator) -> Draw:  # noqa: ARG002 - nothing is random here
        return {}

    def apply(self, x: Tensor, draws: Sequence[Draw]) -> Tensor:
        check(x, draws, self.factor)
        return torch.cat([self._enlarged(self._reduced(one[None])) for one in x])

    def _reduced(self, x: Tensor) -> Tensor:
        if self.sigma is None:
            reduce: Degradation = Imresize(scale=self.factor, levels=self.levels)
            return reduce.apply(x, [{}])
        kernels = Isotropic(width=(self.sigma, self.sigma), size=2 * int(np.ceil(3 * self.sigma)) + 1)
        y = Blur(kernels=kernels, scale=self.factor).apply(x, [{"kernel": {"width": self.sigma}}])
        return y if self.levels is None else Quantise(levels=self.levels).apply(y, [{}])

    def _enlarged(self, x: Tensor) -> Tensor:
        return imresize(x, self.factor, levels=self.levels)
