"""Attention: weights for channels and places that are computed from the features themselves.

Channel attention (Zhang et al., RCAN, ECCV 2018), second-order channel attention (Dai et al., SAN, CVPR 2019),
non-local attention (Wang et al., CVPR 2018), and channel and spatial attention side by side (Hu et al., CSFM, TCSVT
2019). All but the spatial one see the whole picture.
"""

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class ChannelAttention(nn.Module):
    """Each channel times a weight in (0, 1) that two 1x1 convolutions make of all channels' means."""

    def __init__(self, width: int, *, reduction: int = 16) -> None:
        super().__init__()
        self.weigh = weighing(width, reduction)

    def forward(self, x: Tensor) -> Tensor:
        return x * self.weigh(x.mean((2, 3), keepdim=True))


class SecondOrderAttention(nn.Module):
    """Each channel times a weight in (0, 1) made of the rows' means of the square root of the channels' covariance.

    SAN's equations 6-12. The covariance is that of the whole picture, of any size; the official code takes the middle
    1000 pixels of a longer side.
    """

    def __init__(self, width: int, *, reduction: int = 16, iterations: int = 5) -> None:
        super().__init__()
        self.weigh, self.iterations = weighing(width, reduction), iterations

    def forward(self, x: Tensor) -> Tensor:
        root = matrix_root(covariance(x), iterations=self.iterations)
        return x * self.weigh(root.mean(1)[:, :, None, None])


class NonLocal(nn.Module):
    """x + out(what all places show, weighted by how much they are alike): embedded Gaussian, (H * W)**2 weights.

    ``normalise`` says what adds up to one: ``shown`` the weights with which one place looks at all (the paper), or
    ``looking`` those with which all places look at one (RNAN's official code). ``pool`` takes the largest of so many
    rows and columns of what is shown and answered (SAN's official code). ``out`` begins as zero.
    """

    def __init__(
        self, width: int, inner: int, *, normalise: Literal["shown", "looking"] = "shown", pool: int = 1
    ) -> None:
        super().__init__()
        self.pool = pool
        self.show, self.out = nn.Conv2d(width, inner, 1), nn.Conv2d(inner, width, 1)
        self.look, self.answer = nn.Conv2d(width, inner, 1), nn.Conv2d(width, inner, 1)
        self.axis = 2 if normalise == "shown" else 1
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        given = self.answer(x), self.show(x)
        answer, show = (one if self.pool == 1 else F.max_pool2d(one, self.pool) for one in given)
        look, answer, show = self.look(x).flatten(2), answer.flatten(2), show.flatten(2)
        weights = torch.softmax(look.transpose(1, 2) @ answer, self.axis)  # (B, looking, shown)
        seen = (weights @ show.transpose(1, 2)).transpose(1, 2)
        return x + self.out(seen.reshape(x.shape[0], -1, *x.shape[2:]))


class ContextAttention(nn.Module):
    """Channel attention and spatial attention side by side, joined by a 1x1 convolution (CSFM's equations 7-10).

    The weight of a place is made of its channels by two 1x1 convolutions, ``growth`` times as wide between them.
    """

    def __init__(self, width: int, *, reduction: int = 16, growth: int = 2) -> None:
        super().__init__()
        self.channel = ChannelAttention(width, reduction=reduction)
        wide = growth * width
        self.place = nn.Sequential(
            nn.Conv2d(width, wide, 1), nn.ReLU(inplace=True), nn.Conv2d(wide, 1, 1), nn.Sigmoid()
        )
        self.join = nn.Conv2d(2 * width, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.join(torch.cat((self.channel(x), x * self.place(x)), 1))


def weighing(width: int, reduction: int) -> nn.Sequential:
    """(B, width, 1, 1) -> the same size, in (0, 1), through a bottleneck of width / reduction, at least one."""
    narrow = max(1, width // reduction)
    return nn.Sequential(nn.Conv2d(width, narrow, 1), nn.ReLU(inplace=True), nn.Conv2d(narrow, width, 1), nn.Sigmoid())


def covariance(x: Tensor) -> Tensor:
    """The channels' covariance over all places: (B, C, H, W) -> (B, C, C)."""
    flat = x.flatten(2)
    centred = flat - flat.mean(2, keepdim=True)
    return centred @ centred.transpose(1, 2) / flat.shape[2]


def matrix_root(matrices: Tensor, *, iterations: int = 5) -> Tensor:
    """The square root of symmetric matrices without negative eigenvalues, (B, C, C), by Newton and Schulz.

    Divided by the trace before, which makes it converge, and multiplied by its root after (Li et al., iSQRT-COV, 2018).
    Small eigenvalues come last: each iteration enlarges their share of the root by at most 1.5.
    """
    trace = matrices.diagonal(dim1=1, dim2=2).sum(1)[:, None, None].clamp(min=1e-12)  # features without any variance
    one = torch.eye(matrices.shape[1], dtype=matrices.dtype, device=matrices.device)
    root, inverse = matrices / trace, one.expand_as(matrices)
    for _ in range(iterations):
        step = 1.5 * one - 0.5 * inverse @ root
        root, inverse = root @ step, step @ inverse
    return root * trace.sqrt()
