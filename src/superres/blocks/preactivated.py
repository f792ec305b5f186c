"""Normalisation and activation before the convolution (He et al., "Identity Mappings in Deep Residual Networks")."""

from torch import nn


def preactivated(inputs: int, outputs: int, *, kernel: int = 3) -> nn.Sequential:
    """Batch normalisation, ReLU, and a convolution that keeps the size."""
    conv = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2)
    return nn.Sequential(nn.BatchNorm2d(inputs), nn.ReLU(inplace=True), conv)
