"""Gradient magnitude similarity deviation (Xue, Zhang, Mou, Bovik, IEEE TIP 2014)."""

import torch
import torch.nn.functional as F
from torch import Tensor

from superres.functional.roots import safe_sqrt

_T = 170 / 255**2  # of the paper, for samples in [0, 255]


def gmsd(test: Tensor, reference: Tensor) -> Tensor:
    """(B, 1, H, W) in [0, 1] twice -> (B,): the standard deviation (N - 1) of the similarity of Prewitt gradients.

    Both are reduced by means of 2 x 2 first; outside the picture is black, as in the authors' MATLAB code.
    """
    x, y = _squared_gradient(_halved(test)), _squared_gradient(_halved(reference))
    similarity = (2 * safe_sqrt(x) * safe_sqrt(y) + _T) / (x + y + _T)
    return safe_sqrt(similarity.var((1, 2, 3), correction=1))


def _halved(x: Tensor) -> Tensor:
    return F.avg_pool2d(F.pad(x, (0, x.shape[3] % 2, 0, x.shape[2] % 2)), 2)


def _squared_gradient(x: Tensor) -> Tensor:
    along = x.new_tensor([[1, 0, -1], [1, 0, -1], [1, 0, -1]]) / 3
    return F.conv2d(x, torch.stack([along, along.T]).unsqueeze(1), padding=1).square().sum(1, keepdim=True)
