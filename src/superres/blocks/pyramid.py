"""Parts of the Laplacian pyramid networks (Lai et al. 2017 and 2018), each of which doubles the size."""

import torch
from torch import nn

from superres.terms.reach import reach


def double(width: int, kernel: int = 3) -> nn.ConvTranspose2d:
    """The feature deconvolution: 3x3 or 4x4 at stride 2."""
    return nn.ConvTranspose2d(width, width, kernel, 2, padding=1, output_padding=4 - kernel)


def doubled_picture(channels: int) -> nn.ConvTranspose2d:
    """The picture's 4x4 deconvolution, one kernel for each pair of bands, begun as bilinear interpolation."""
    conv = nn.ConvTranspose2d(channels, channels, 4, 2, padding=1, bias=False)
    tent = torch.tensor([0.25, 0.75, 0.75, 0.25])
    with torch.no_grad():
        conv.weight.zero_()
        for band in range(channels):
            conv.weight[band, band] = torch.outer(tent, tent)
    return conv


def pyramid_radius(depth: int, levels: int, kernel: int = 3) -> int:
    """Of ``levels`` times ``depth`` convolutions and a deconvolution, with one convolution before and one after."""
    return reach(1, *((depth, ("up", kernel, 2, 1)) * levels), 1)
