"""Feature similarity (Zhang, Zhang, Mou, Zhang, IEEE TIP 2011): phase congruency and gradients, and chroma in FSIMc."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from superres.functional.phase import phase_congruency
from superres.functional.roots import safe_power, safe_sqrt

_YIQ = ((0.299, 0.587, 0.114), (0.596, -0.274, -0.322), (0.211, -0.523, 0.312))
_T_PHASE, _T_GRADIENT, _T_CHROMA, _CHROMA_POWER = 0.85, 160.0, 200.0, 0.03  # for samples in [0, 255]
_REACHED = 256  # pixels of the shorter side, to which a larger picture is reduced by whole factors


def fsim(test: Tensor, reference: Tensor) -> Tensor:
    """(B, 1 or 3, H, W) in [0, 1] twice -> (B,): on the luma of YIQ where there are three bands."""
    x, y = (_luma_first(one) for one in (test, reference))
    return _pooled(*_similarity(x[:, :1], y[:, :1]))


def fsimc(test: Tensor, reference: Tensor) -> Tensor:
    """(B, 3, H, W) RGB in [0, 1] twice -> (B,): with the similarity of the two chroma bands of YIQ as well."""
    x, y = (_luma_first(one) for one in (test, reference))
    similarity, weight = _similarity(x[:, :1], y[:, :1])
    chroma = (2 * x[:, 1:] * y[:, 1:] + _T_CHROMA) / (x[:, 1:].square() + y[:, 1:].square() + _T_CHROMA)
    product = chroma.prod(1, keepdim=True)
    return _pooled(similarity * _real_power(product), weight)


def _real_power(x: Tensor) -> Tensor:
    """The real part of ``x`` to a small power, which MATLAB's code takes of opposite chromas too."""
    power = safe_power(x.abs(), _CHROMA_POWER)
    return torch.where(x < 0, math.cos(math.pi * _CHROMA_POWER) * power, power)


def _pooled(similarity: Tensor, weight: Tensor) -> Tensor:
    """The mean weighted by phase congruency; the plain mean where no picture has any."""
    total = weight.sum((1, 2, 3))
    none = total <= 0
    weighted = (similarity * weight).sum((1, 2, 3)) / torch.where(none, 1, total)
    return torch.where(none, similarity.mean((1, 2, 3)), weighted)


def _similarity(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """(B, 1, H, W) luma twice -> the map of similarities, and its weights."""
    phase_x, phase_y = phase_congruency(torch.cat([x, y])).chunk(2)
    phase = (2 * phase_x * phase_y + _T_PHASE) / (phase_x.square() + phase_y.square() + _T_PHASE)
    edge_x, edge_y = _squared_gradient(x), _squared_gradient(y)
    edge = (2 * safe_sqrt(edge_x) * safe_sqrt(edge_y) + _T_GRADIENT) / (edge_x + edge_y + _T_GRADIENT)
    return phase * edge, torch.maximum(phase_x, phase_y)


def _squared_gradient(x: Tensor) -> Tensor:
    """Scharr's; outside the picture is black."""
    along = x.new_tensor([[3, 0, -3], [10, 0, -10], [3, 0, -3]]).view(1, 1, 3, 3) / 16
    return F.conv2d(x, torch.cat([along, along.transpose(2, 3)]), padding=1).square().sum(1, keepdim=True)


def _luma_first(x: Tensor) -> Tensor:
    """Reduced to about 256 pixels (a mean over each cell, black outside), in 8-bit units; RGB becomes YIQ."""
    factor = max(1, math.floor(min(x.shape[2:]) / _REACHED + 0.5))
    if factor > 1:
        height, width = (-(-size // factor) for size in x.shape[2:])
        before = (factor - 1) // 2
        x = F.avg_pool2d(x, factor, padding=before, ceil_mode=True, divisor_override=factor**2)[..., :height, :width]
    if x.shape[1] == 3:
        x = torch.einsum("ij,bjhw->bihw", x.new_tensor(_YIQ), x)
    return x * 255
