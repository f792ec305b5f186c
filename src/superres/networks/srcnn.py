"""SRCNN: Dong, Loy, He, Tang, "Learning a Deep Convolutional Network for Image Super-Resolution", ECCV 2014.

Three convolutions on a picture that bicubic interpolation has enlarged already: patches, a mapping, reconstruction.
"""

from collections.abc import Sequence
from typing import Literal, cast

import torch
from torch import Tensor, nn

from superres.terms.network import NetworkFacts, tell
from superres.types import BadRequest


class SRCNN(nn.Module):
    """(B, channels, H, W) in [0, 1], enlarged already -> the same size, or smaller by the kernels without ``padding``.

    ``kernels`` are the paper's 9-1-5, 9-3-5 or 9-5-5 (ECCV 2014, PAMI 2016); ``channels`` 1 is luma, 3 RGB. The paper
    trains without padding. ``scale`` only tells by how much the pictures that it learns from are enlarged. ``start``
    ``paper`` draws weights from N(0, 0.001). ``identity`` begins as the picture itself: the first feature of each layer
    hands it on, the others are drawn after He et al. 2015 and not used yet.
    """

    scale: int

    def __init__(
        self,
        *,
        kernels: Sequence[int] = (9, 1, 5),
        widths: Sequence[int] = (64, 32),
        channels: int = 1,
        padding: bool = True,
        scale: int = 3,
        start: Literal["paper", "identity"] = "paper",
    ) -> None:
        super().__init__()
        if len(kernels) != 3 or len(widths) != 2 or any(side < 1 or side % 2 == 0 for side in kernels):
            raise BadRequest(f"SRCNN has three odd kernels and two widths, not {tuple(kernels)} and {tuple(widths)}")
        if start not in ("paper", "identity"):
            raise BadRequest(f"SRCNN starts from 'paper' or 'identity', not {start!r}")
        if start == "identity" and min(widths) < channels:
            raise BadRequest(f"widths {tuple(widths)} cannot hand on a picture of {channels} bands")
        sides = (channels, *widths, channels)
        self.extract, self.map, self.reconstruct = (
            nn.Conv2d(sides[k], sides[k + 1], kernels[k], padding=kernels[k] // 2 if padding else 0) for k in range(3)
        )
        self.valid_border = sum(side // 2 for side in kernels)
        tell(self, NetworkFacts(scale=scale, radius=self.valid_border, channels=channels, enlarged=True))
        with torch.no_grad():
            self._as_paper() if start == "paper" else self._as_identity(channels)

    def forward(self, x: Tensor) -> Tensor:
        features = torch.relu(self.extract(x))
        return self.reconstruct(torch.relu(self.map(features)))

    def _as_paper(self) -> None:
        for layer in (self.extract, self.map, self.reconstruct):
            nn.init.normal_(layer.weight, std=0.001)
            _zero(layer)

    def _as_identity(self, channels: int) -> None:
        for layer in (self.extract, self.map):
            nn.init.kaiming_normal_(layer.weight)
            layer.weight.sub_(layer.weight.mean((2, 3), keepdim=True) if layer is self.extract else 0)  # details only
            layer.weight[:channels] = 0
        nn.init.zeros_(self.reconstruct.weight)
        for layer in (self.extract, self.map, self.reconstruct):
            _zero(layer)
            middle = layer.kernel_size[0] // 2
            for k in range(channels):  # what is not negative passes a rectifier unchanged
                layer.weight[k, k, middle, middle] = 1


def _zero(layer: nn.Conv2d) -> None:
    nn.init.zeros_(cast(Tensor, layer.bias))
