"""Enhanced spatial attention (Liu, Zhang, Tang, Wu, "Residual Feature Aggregation Network", CVPR 2020)."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from superres.blocks.residual import conv3

LEAST = 15  # pixels a side: a convolution of stride 2 without padding leaves 7, which the maxima are taken over


class SpatialAttention(nn.Module):
    """x times a weight for every value, (B, width, H, W) -> the same shape, H and W at least ``LEAST``.

    The weights are made at about a sixth of the size, from maxima over 7x7 values, and stretched to the picture, so
    that what each pixel sees depends on the picture's size. ``deep`` has three convolutions after the maxima, as RFANet
    and RFDN have; RLFN leaves one.
    """

    def __init__(self, width: int, inner: int, *, deep: bool = True) -> None:
        super().__init__()
        self.deep = deep
        self.conv1, self.conv_f = nn.Conv2d(width, inner, 1), nn.Conv2d(inner, inner, 1)
        self.conv_max = conv3(inner, inner) if deep else nn.Identity()
        self.conv2 = nn.Conv2d(inner, inner, 3, stride=2)
        self.conv3 = conv3(inner, inner)
        self.conv3_ = conv3(inner, inner) if deep else nn.Identity()
        self.conv4 = nn.Conv2d(inner, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        thin = self.conv1(x)
        coarse = F.max_pool2d(self.conv2(thin), 7, stride=3)
        if self.deep:
            coarse = torch.relu(self.conv3(torch.relu(self.conv_max(coarse))))
            coarse = self.conv3_(coarse)
        else:
            coarse = self.conv3(coarse)
        stretched = F.interpolate(coarse, x.shape[2:], mode="bilinear", align_corners=False)
        return x * torch.sigmoid(self.conv4(stretched + self.conv_f(thin)))
