"""DRCN: Kim, Lee, Lee, "Deeply-Recursive Convolutional Network for Image Super-Resolution", CVPR 2016.

One convolution is applied again and again; every state is made into a picture by the same two convolutions, and the
result is their weighted sum. The recursive convolution begins as the identity.
"""

import torch
from torch import Tensor, nn

from superres.blocks.residual import conv3
from superres.frameworks import Enlarge, enlarged, pre_facts
from superres.terms.network import tell


class DRCN(nn.Module):
    """Enlarged luma (B, channels, H, W) in [0, 1] -> the same size; see ``PreUpsampling`` for ``enlarge``.

    ``stages`` gives the pictures of all recursions, which the paper's loss supervises, and then their weighted sum.
    """

    def __init__(
        self,
        *,
        scale: int = 2,
        recursions: int = 16,
        width: int = 256,
        channels: int = 1,
        enlarge: Enlarge = "outside",
    ) -> None:
        super().__init__()
        self.recursions = recursions
        self.enlarge = enlarged(scale, enlarge)
        self.embed = nn.Sequential(conv3(channels, width), nn.ReLU(), conv3(width, width), nn.ReLU())
        self.recurse = conv3(width, width)
        self.reconstruct = nn.Sequential(conv3(width, width), nn.ReLU(), conv3(width, channels))
        self.weights = nn.Parameter(torch.full((recursions,), 1 / recursions))
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight)
                nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
        nn.init.dirac_(self.recurse.weight)
        tell(self, pre_facts(scale, recursions + 4, channels, enlarge))

    def stages(self, x: Tensor) -> tuple[Tensor, ...]:
        """A picture of each recursion, and last their weighted sum."""
        x = self.enlarge(x)
        state, made, total = self.embed(x), list[Tensor](), None
        for index in range(self.recursions):
            state = torch.relu(self.recurse(state))
            picture = x + self.reconstruct(state)
            made.append(picture)
            weighted = picture * self.weights[index]
            total = weighted if total is None else total + weighted
        assert total is not None
        return (*made, total)

    def forward(self, x: Tensor) -> Tensor:
        return self.stages(x)[-1]
