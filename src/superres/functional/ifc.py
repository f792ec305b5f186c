"""Information fidelity criterion (Sheikh, Bovik, de Veciana, IEEE TIP 2005), as LIVE's ``ifcvec`` computes it."""

import torch
from torch import Tensor

from superres.functional.fidelity import fidelity_bands

_ZERO = 1e-10  # variance that stands for no noise at all


def ifc(test: Tensor, reference: Tensor) -> Tensor:
    """(B, 1, H, W) in [0, 1] twice -> (B,): bits a pixel that the test shares with the reference, of any size."""
    bits = torch.stack([band.information(noise=_ZERO) for band in fidelity_bands(test, reference)]).sum(0)
    return (bits / (test.shape[2] * test.shape[3])).to(test.dtype)
