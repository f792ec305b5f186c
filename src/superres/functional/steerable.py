"""Two orientations of a steerable pyramid: sixth-order filters of Karasaridis and Simoncelli (ICASSP 1996).

Of the six orientations of matlabPyrTools' ``sp5Filters`` these are the derivatives along and down, which the LIVE
fidelity measures use. Edges are reflected about the border pixel ("reflect1").
"""

import torch
import torch.nn.functional as F
from torch import Tensor

# filters are symmetric both ways: rows and columns from the outermost to the middle
_FIRST_LOW = (
    (0.00341614, -0.01551246, -0.03848215),
    (-0.01551246, 0.05586982, 0.15925570),
    (-0.03848215, 0.15925570, 0.40304148),
)
_LOW = (  # half of the filter
    (0.00085404, -0.00244917, -0.00387812, -0.00944432, -0.00962054),
    (-0.00244917, -0.00523281, -0.00661117, 0.00410600, 0.01002988),
    (-0.00387812, -0.00661117, 0.01396746, 0.03277038, 0.03981393),
    (-0.00944432, 0.00410600, 0.03277038, 0.06426333, 0.08169618),
    (-0.00962054, 0.01002988, 0.03981393, 0.08169618, 0.10096540),
)
# symmetric down the rows; the three columns left of the middle one, which is 0, and those right of it negated
_ALONG = (
    (0.00277643, -0.00986904, -0.01021852),
    (0.00496194, -0.00893064, -0.03075356),
    (0.01026699, 0.01189859, -0.08226445),
    (0.01455399, 0.02755155, -0.11732297),
)


def steerable_bands(x: Tensor, *, levels: int = 4) -> list[Tensor]:
    """(B, 1, H, W) -> for each level, fine to coarse, (B, 2, h, w): the derivatives along and down."""
    along = torch.tensor(_ALONG, dtype=torch.float64)
    along = torch.cat([along, along[:-1].flip(0)])
    along = torch.cat([along, torch.zeros(7, 1, dtype=torch.float64), -along.flip(1)], 1)
    kernels = torch.stack([along, along.T]).unsqueeze(1).to(x)
    low = (2 * _mirrored(_LOW)).to(x)
    x = _filtered(x, _mirrored(_FIRST_LOW).to(x))
    bands = [_filtered(x, kernels)]
    for _ in range(levels - 1):
        x = _filtered(x, low, stride=2)
        bands.append(_filtered(x, kernels))
    return bands


def _mirrored(quarter: tuple[tuple[float, ...], ...]) -> Tensor:
    x = torch.tensor(quarter, dtype=torch.float64)
    x = torch.cat([x, x[:-1].flip(0)])
    return torch.cat([x, x[:, :-1].flip(1)], 1).view(1, 1, *2 * (len(x),))


def _filtered(x: Tensor, kernels: Tensor, stride: int = 1) -> Tensor:
    reach = kernels.shape[-1] // 2
    return F.conv2d(F.pad(x, (reach,) * 4, mode="reflect"), kernels, stride=stride)
