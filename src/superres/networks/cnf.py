"""CNF: Ren, El-Khamy, Lee, "Image Super Resolution Based on Fusing Multiple Convolution Neural Networks", CVPRW 2017.

Context-wise network fusion: several SRCNNs of different depth, each seeing another context, whose pictures pass a
convolution each and are added. The paper trains the networks alone first, then all together. Its best network has 11,
13 and 15 layers and 448,059 parameters: that is 9x9, 5x5 and 5x5 kernels of 64 and 32 channels as in SRCNN, 3x3 kernels
between the second and the last, and 3x3 fusion, counted without biases, which are 1,254 more here. Chosen here: the
fusion begins as the mean of the pictures.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from superres.blocks.residual import conv3
from superres.blocks.upsample import Enlarged
from superres.frameworks import Enlarge, pre_facts
from superres.terms.network import tell
from superres.types import BadRequest


class CNF(nn.Module):
    """Enlarged luma (B, channels, H, W) in [0, 1] -> the same size; see ``PreUpsampling`` for ``enlarge``.

    ``depths`` are the layers of each network, 3 at least. ``stages`` gives each network's picture, and then the fused.
    """

    def __init__(
        self,
        *,
        scale: int = 3,
        depths: Sequence[int] = (11, 13, 15),
        widths: Sequence[int] = (64, 32),
        channels: int = 1,
        enlarge: Enlarge = "outside",
    ) -> None:
        super().__init__()
        if len(widths) != 2 or not depths or min(depths) < 3:
            raise BadRequest(f"CNF has two widths and depths from 3, not {tuple(widths)} and {tuple(depths)}")
        self.enlarge = Enlarged(scale=scale, mode="nothing" if enlarge == "outside" else enlarge)
        self.networks = nn.ModuleList(_srcnn(depth, widths[0], widths[1], channels) for depth in depths)
        self.fusion = nn.ModuleList(conv3(channels, channels) for _ in depths)
        for layer in self.networks.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight)
                nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
        for layer in self.fusion:
            nn.init.dirac_(layer.weight)  # type: ignore[arg-type]
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
            with torch.no_grad():
                layer.weight.div_(len(depths))  # type: ignore[operator]
        tell(self, pre_facts(scale, max(depths) + 6, channels, enlarge))

    def stages(self, x: Tensor) -> tuple[Tensor, ...]:
        """The picture of each network, and last the fused one."""
        x = self.enlarge(x)
        made = [network(x) for network in self.networks]
        total = self.fusion[0](made[0])
        for fuse, picture in zip(self.fusion[1:], made[1:], strict=True):
            total = total + fuse(picture)
        return (*made, total)

    def forward(self, x: Tensor) -> Tensor:
        return self.stages(x)[-1]


def _srcnn(depth: int, first: int, second: int, channels: int) -> nn.Module:
    layers: list[nn.Module] = [nn.Conv2d(channels, first, 9, padding=4), nn.ReLU()]
    layers += [nn.Conv2d(first, second, 5, padding=2), nn.ReLU()]
    for _ in range(depth - 3):
        layers += [conv3(second, second), nn.ReLU()]
    return nn.Sequential(*layers, nn.Conv2d(second, channels, 5, padding=2))
