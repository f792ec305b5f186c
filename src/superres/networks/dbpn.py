"""DBPN: Haris, Shakhnarovich, Ukita, "Deep Back-Projection Networks for Super-Resolution", CVPR 2018 (D-DBPN).

Up and down projection units in turns, each correcting itself by the error that its own way back leaves; units see the
maps of all units before them through a 1x1 convolution.
"""

from torch import Tensor, nn

from superres.blocks.residual import conv3
from superres.frameworks import IterativeUpDown
from superres.terms.network import built_for
from superres.terms.reach import Layer, reach

KERNELS = {2: (6, 2, 2), 4: (8, 4, 2), 8: (12, 8, 2)}  # kernel, stride, padding


class DBPN(IterativeUpDown):
    """(B, channels, H, W) in [0, 1] -> (B, channels, scale * H, scale * W); ``stages`` is the paper's T."""

    def __init__(
        self, *, scale: int = 4, stages: int = 7, features: int = 256, width: int = 64, channels: int = 3
    ) -> None:
        built_for("DBPN", scale, KERNELS)
        kernel = KERNELS[scale]
        super().__init__(
            head=nn.Sequential(conv3(channels, features), nn.PReLU(), nn.Conv2d(features, width, 1), nn.PReLU()),
            ups=[Projection(width, kernel, joined=max(1, index), up=True) for index in range(stages)],
            downs=[Projection(width, kernel, joined=index + 1, up=False) for index in range(stages - 1)],
            tail=conv3(stages * width, channels),
            scale=scale,
            radius=_radius(kernel, stages),
            channels=channels,
        )
        for layer in self.modules():
            if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d)):
                nn.init.kaiming_normal_(layer.weight)
                nn.init.zeros_(layer.bias)  # type: ignore[arg-type]


class Projection(nn.Module):
    """There, back, and there again with what was lost on the way back (the paper's eq. 1-5, and 6-10 mirrored)."""

    def __init__(self, width: int, kernel: tuple[int, int, int], *, joined: int, up: bool) -> None:
        super().__init__()
        there, back = (_enlarging, _reducing) if up else (_reducing, _enlarging)
        self.join = nn.Sequential(nn.Conv2d(joined * width, width, 1), nn.PReLU()) if joined > 1 else nn.Identity()
        self.first, self.back, self.again = there(width, kernel), back(width, kernel), there(width, kernel)

    def forward(self, x: Tensor) -> Tensor:
        x = self.join(x)
        made = self.first(x)
        return made + self.again(self.back(made) - x)


def _enlarging(width: int, kernel: tuple[int, int, int]) -> nn.Module:
    side, stride, padding = kernel
    return nn.Sequential(nn.ConvTranspose2d(width, width, side, stride, padding), nn.PReLU())


def _reducing(width: int, kernel: tuple[int, int, int]) -> nn.Module:
    side, stride, padding = kernel
    return nn.Sequential(nn.Conv2d(width, width, side, stride, padding), nn.PReLU())


def _radius(kernel: tuple[int, int, int], stages: int) -> int:
    up: Layer = ("up", *kernel)
    down: Layer = ("down", *kernel)
    return reach(1, up, down, *((up, down, up, down, up, down) * (stages - 1)), up, 1)
