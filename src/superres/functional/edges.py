"""Errors of edges: of the gradient itself, and of the samples where the reference has its strongest edges."""

import torch
import torch.nn.functional as F
from torch import Tensor

from superres.functional.roots import safe_sqrt


def sobel(x: Tensor) -> Tensor:
    """(B, C, H, W) -> (B, C, 2, H - 2, W - 2): the slopes along and down in samples a pixel, where wholly inside."""
    along = x.new_tensor([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]).view(1, 1, 3, 3) / 8
    slopes: Tensor = F.conv2d(x.flatten(0, 1).unsqueeze(1), torch.cat([along, along.transpose(2, 3)]))
    return slopes.view(*x.shape[:2], *slopes.shape[1:])


def gradient_error(test: Tensor, reference: Tensor) -> Tensor:
    """(B, C, H, W) twice -> (B,): root mean square length of the gradients' difference, over the bands too."""
    return safe_sqrt(sobel(test - reference).square().sum(2).mean((1, 2, 3)))


def edge_error(test: Tensor, reference: Tensor, *, share: float = 0.1) -> Tensor:
    """(B, C, H, W) twice -> (B,): root mean square error over the steepest ``share`` of the reference's pixels.

    Steepness is the sum over the bands of the gradient's square; pixels as steep as the last one chosen count too.
    """
    steep = sobel(reference.detach()).square().sum((1, 2)).flatten(1)
    count = max(1, round(share * steep.shape[1]))
    chosen = (steep >= steep.topk(count, 1).values[:, -1:]).to(test.dtype)
    error = (test - reference)[..., 1:-1, 1:-1].square().mean(1).flatten(1)
    return safe_sqrt((error * chosen).sum(1) / chosen.sum(1))


def band_error(test: Tensor, reference: Tensor) -> Tensor:
    """(B, C, H, W) twice -> (B, C): the root mean square error of each band."""
    return safe_sqrt(torch.square(test - reference).mean((2, 3)))
