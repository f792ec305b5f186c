"""MS-LapSRN: Lai, Huang, Ahuja, Yang, "Fast and Accurate Image Super-Resolution with Deep Laplacian Pyramid Networks",
PAMI 2018.

LapSRN whose levels share everything, so that one network has all scales. A level applies one block of convolutions
again and again, each time adding the level's own input (the paper's source skip, SS); activations come before the
convolutions. D5R8 has 5 convolutions in the block and 8 recursions.
"""

from torch import Tensor, nn

from superres.blocks.pyramid import double, doubled_picture, pyramid_radius
from superres.blocks.residual import conv3
from superres.terms.network import NetworkFacts, built_for, tell


class MSLapSRN(nn.Module):
    """(B, channels, H, W) in [0, 1] -> (B, channels, scale * H, scale * W), for luma.

    ``scale`` is only how many levels are run: weights of one scale fit all.
    """

    def __init__(
        self, *, scale: int = 4, depth: int = 5, recursions: int = 8, width: int = 64, channels: int = 1
    ) -> None:
        super().__init__()
        built_for("MS-LapSRN", scale, (2, 4, 8))
        self.levels, self.recursions = scale.bit_length() - 1, recursions
        self.head = conv3(channels, width)
        self.body = nn.Sequential(*(one for _ in range(depth) for one in (nn.LeakyReLU(0.2), conv3(width, width))))
        self.upsample = nn.Sequential(nn.LeakyReLU(0.2), double(width))
        self.picture = doubled_picture(channels)
        self.tail = conv3(width, channels)
        radius = pyramid_radius(depth * recursions, self.levels)
        tell(self, NetworkFacts(scale=scale, radius=radius, channels=channels))

    def stages(self, x: Tensor) -> tuple[Tensor, ...]:
        """The enlarged pictures of all levels, coarse to fine."""
        features, made = self.head(x), [x]
        for _ in range(self.levels):
            state = features
            for _ in range(self.recursions):
                state = features + self.body(state)
            features = self.upsample(state)
            made.append(self.picture(made[-1]) + self.tail(features))
        return tuple(made[1:])

    def forward(self, x: Tensor) -> Tensor:
        return self.stages(x)[-1]
