"""How weights begin, where a paper says so."""

from math import prod

from torch import nn


def start_he(module: nn.Module, *, factor: float = 1.0) -> None:
    """Draw every convolution after He et al. 2015, times ``factor``, with biases of zero.

    The variance is 2 by the number of weights that an output pixel is made of, also for transposed convolutions, where
    that is the kernel by the stride.
    """
    for layer in module.modules():
        if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d)):
            made_of = layer.in_channels // layer.groups * prod(layer.kernel_size)
            if isinstance(layer, nn.ConvTranspose2d):
                made_of /= prod(layer.stride)
            nn.init.normal_(layer.weight, std=factor * (2 / made_of) ** 0.5)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
