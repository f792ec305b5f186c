"""Universal image quality index (Wang, Bovik, IEEE Signal Processing Letters 2002)."""

import torch
import torch.nn.functional as F
from torch import Tensor

_NONE = 1e-12  # of samples in [0, 1]: one 8-bit step in one pixel of a window makes 2e-7


def uiqi(test: Tensor, reference: Tensor, *, side: int = 8) -> Tensor:
    """(B, C, H, W) in [0, 1] twice -> (B,): the mean over all windows of ``side`` x ``side`` pixels and the bands.

    A window flat in both pictures is judged by its luminance alone; a black one in both is 1.
    """
    wide = torch.float64 if test.device.type != "mps" else test.dtype  # which has no float64
    x, y = test.to(wide), reference.to(wide)
    maps = torch.stack([x, y, x * x + y * y, x * y], 1).flatten(0, 1)
    maps = F.avg_pool2d(F.avg_pool2d(maps, (side, 1), 1), (1, side), 1)
    mean_x, mean_y, squares, product = maps.view(-1, 4, *maps.shape[1:]).unbind(1)
    mean_xy, mean_squares = mean_x * mean_y, mean_x.square() + mean_y.square()
    variances, covariance = squares - mean_squares, product - mean_xy
    flat, black = variances < _NONE, mean_squares < _NONE
    structure = torch.where(flat, 1, 2 * covariance / torch.where(flat, 1, variances))
    luminance = torch.where(black, 1, 2 * mean_xy / torch.where(black, 1, mean_squares))
    return (structure * luminance).mean((1, 2, 3)).to(test.dtype)
