"""Multi-scale structural similarity (Wang, Simoncelli, Bovik, Asilomar 2003)."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from superres.functional.roots import safe_power
from superres.functional.ssim import WANG, Window, ssim_means

WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)


def ms_ssim(test: Tensor, reference: Tensor, *, weights: Sequence[float] = WEIGHTS, window: Window = WANG) -> Tensor:
    """(B, C, H, W) in [0, 1] twice -> (B,): the mean over the bands of each band's product over the scales.

    A mean contrast (or, at the coarsest scale, similarity) below 0 counts as 0, and so makes the whole product 0.
    Between scales 2 x 2 pixels become one; the last row or column of an odd size is repeated first, as MATLAB's
    "symmetric" edge does. BadRequest where the coarsest scale is smaller than the window.
    """
    factors: list[Tensor] = []
    for level, weight in enumerate(weights):
        if level:
            test, reference = _halved(test), _halved(reference)
        whole, contrast = ssim_means(test, reference, window=window)
        factors.append(safe_power(whole if level == len(weights) - 1 else contrast, weight))
    return torch.stack(factors).prod(0).mean(1)


def _halved(x: Tensor) -> Tensor:
    height, width = x.shape[2:]
    if height % 2 or width % 2:
        x = F.pad(x, (0, width % 2, 0, height % 2), mode="replicate")
    return F.avg_pool2d(x, 2)
