"""Discriminators in the manner of VGG: SRGAN's own (Ledig et al. 2017, figure 4), and a small one like it.

The small one has no batch normalisation: a penalty on the gradient takes its place, and every picture is judged alone,
so that many processes judge as one does.
"""

from torch import Tensor, nn

from superres.types import BadRequest


class VggDiscriminator(nn.Module):
    """(B, channels, H, W) in [0, 1] -> (B, 1), a score that is high for real pictures; H and W at least 2**levels.

    Each level is a 3x3 convolution and one of stride 2 that doubles the width; the mean over the picture is judged by
    two linear layers.
    """

    def __init__(self, *, channels: int = 3, width: int = 32, levels: int = 4, hidden: int = 128) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        inputs = channels
        for level in range(levels):
            outputs = width * 2 ** min(level, 3)
            layers += [nn.Conv2d(inputs, outputs, 3, padding=1), nn.LeakyReLU(0.2)]
            layers += [nn.Conv2d(outputs, outputs, 3, stride=2, padding=1), nn.LeakyReLU(0.2)]
            inputs = outputs
        self.features = nn.Sequential(*layers)
        self.judge = nn.Sequential(nn.Linear(inputs, hidden), nn.LeakyReLU(0.2), nn.Linear(hidden, 1))

    def forward(self, x: Tensor) -> Tensor:
        return self.judge(self.features(x - 0.5).mean((2, 3)))


class SrganDiscriminator(nn.Module):
    """(B, channels, side, side) in [0, 1] -> (B, 1), SRGAN's discriminator: a score that is high for real pictures.

    The paper's sigmoid is left to the loss. ``side``, a multiple of 16, is that of the pieces it learns from.
    """

    def __init__(self, *, side: int = 96, channels: int = 3, width: int = 64, hidden: int = 1024) -> None:
        super().__init__()
        if side < 16 or side % 16:
            raise BadRequest(f"a side of {side} pixels; the discriminator halves it four times: take a multiple of 16")
        self.side = side
        layers: list[nn.Module] = [nn.Conv2d(channels, width, 3, padding=1), nn.LeakyReLU(0.2)]
        inputs = width
        for level in range(4):
            for stride in (1, 2) if level else (2,):
                outputs = width * 2**level
                conv = nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1)
                layers += [conv, nn.BatchNorm2d(outputs), nn.LeakyReLU(0.2)]
                inputs = outputs
        self.features = nn.Sequential(*layers)
        flat = inputs * (side // 16) ** 2
        self.judge = nn.Sequential(nn.Linear(flat, hidden), nn.LeakyReLU(0.2), nn.Linear(hidden, 1))

    def forward(self, x: Tensor) -> Tensor:
        if tuple(x.shape[2:]) != (self.side, self.side):
            found = "x".join(str(one) for one in x.shape[2:])
            raise BadRequest(f"the discriminator was built for {self.side}x{self.side} pixels and given {found}")
        return self.judge(self.features(2 * x - 1).flatten(1))
