"""Figures that describe a picture without judging it: how much it varies, and how steep its edges are."""

import torch
import torch.nn.functional as F
from torch import Tensor


def total_variation(x: Tensor) -> Tensor:
    """(B, C, H, W) -> (B,): mean size of the differences between neighbours, down plus along (Rudin et al. 1992)."""
    return (x.diff(dim=2).abs().mean((1, 2, 3))) + (x.diff(dim=3).abs().mean((1, 2, 3)))


def laplacian_variance(x: Tensor) -> Tensor:
    """(B, C, H, W) -> (B,): variance of the Laplacian of four neighbours, borders left out (Pech-Pacheco 2000)."""
    centre = x[..., 1:-1, 1:-1]
    around = x[..., :-2, 1:-1] + x[..., 2:, 1:-1] + x[..., 1:-1, :-2] + x[..., 1:-1, 2:]
    return (around - 4 * centre).flatten(1).var(1, correction=0)


def tenengrad(x: Tensor) -> Tensor:
    """(B, C, H, W) -> (B,): mean squared gradient by Sobel's masks, over eight, inside the picture (Tenenbaum 1970)."""
    smooth, slope = x.new_tensor([1.0, 2.0, 1.0]), x.new_tensor([-1.0, 0.0, 1.0])
    masks = torch.stack((torch.outer(smooth, slope), torch.outer(slope, smooth)))[:, None] / 8
    flat = x.flatten(0, 1)[:, None]
    return F.conv2d(flat, masks).square().sum(1).view(*x.shape[:2], -1).flatten(1).mean(1)
