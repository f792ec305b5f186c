"""How weights begin, where a paper says so."""

from torch import nn


def start_he(module: nn.Module, *, factor: float = 1.0) -> None:
    """Draw every convolution after He et al. 2015, times ``factor``, with biases of zero."""
    for layer in module.modules():
        if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d)):
            nn.init.kaiming_normal_(layer.weight)
            layer.weight.data.mul_(factor)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
