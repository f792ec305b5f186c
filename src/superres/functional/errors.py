"""Differences between pictures."""

import torch
from torch import Tensor

_ROWS = 128


def squared_error(test: Tensor, reference: Tensor, *, rows: int = _ROWS) -> Tensor:
    """(B, C, H, W) twice -> (B,) float64: the sum over all samples of a picture.

    It goes ``rows`` rows at a time, so that a huge pair needs no third picture; not for gradients.
    """
    wide = torch.float64 if test.device.type != "mps" else test.dtype  # which has no float64
    total = torch.zeros(test.shape[0], dtype=wide, device=test.device)
    for top in range(0, test.shape[2], rows):
        part = slice(top, top + rows)
        error = test[:, :, part].to(wide) - reference[:, :, part].to(wide)
        total += error.square_().sum((1, 2, 3))
    return total


def mean_squared_error(test: Tensor, reference: Tensor, *, rows: int = _ROWS) -> Tensor:
    """(B, C, H, W) twice -> (B,): the mean over all samples of a picture; differentiable."""
    if torch.is_grad_enabled() and (test.requires_grad or reference.requires_grad):
        return (test - reference).square().mean((1, 2, 3))
    return (squared_error(test, reference, rows=rows) / test[0].numel()).to(test.dtype)


def psnr(test: Tensor, reference: Tensor, *, rows: int = _ROWS) -> Tensor:
    """(B, C, H, W) in [0, 1] twice -> (B,) decibels, 10 log10(1 / MSE) over all bands together; inf where identical."""
    return -10 * torch.log10(mean_squared_error(test, reference, rows=rows))
