"""A small discriminator in the manner of VGG, as SRGAN's (Ledig et al. 2017, figure 4).

Without batch normalisation: a penalty on the gradient takes its place, and every picture is judged alone, so that many
processes judge as one does.
"""

from torch import Tensor, nn


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
