"""DRRN: Tai, Yang, Liu, "Image Super-Resolution via Deep Recursive Residual Network", CVPR 2017.

B1U25 has 52 convolutions and the weights of four. The two convolutions of a unit are those of all units of its block;
normalisation is each unit's own, as in the official network definition, which also has biases. The published count,
297K, is of the convolutions' weights alone (297,216); the rest of ours is biases (385) and normalisation (13,058).
"""

from torch import Tensor, nn

from superres.blocks.preactivated import preactivated
from superres.blocks.residual import conv3
from superres.blocks.start import start_he
from superres.frameworks import Enlarge, PreUpsampling


class DRRN(PreUpsampling):
    """Enlarged luma (B, channels, H, W) in [0, 1] -> the same size; see ``PreUpsampling`` for ``enlarge``.

    ``blocks`` is the paper's B, ``units`` its U: (1 + 2 U) B + 1 convolutions lie one after another.
    """

    def __init__(
        self,
        *,
        scale: int = 2,
        blocks: int = 1,
        units: int = 25,
        width: int = 128,
        channels: int = 1,
        enlarge: Enlarge = "outside",
    ) -> None:
        super().__init__(
            head=nn.Identity(),
            body=nn.Sequential(
                *(RecursiveBlock(width if index else channels, width, units) for index in range(blocks))
            ),
            tail=preactivated(width, channels),
            scale=scale,
            radius=blocks * (1 + 2 * units) + 1,
            channels=channels,
            enlarge=enlarge,
        )
        start_he(self)


class RecursiveBlock(nn.Module):
    """h0 = conv(x), then ``units`` times h = h0 + F(h), where all F share their two convolutions (eq. 4 and 5)."""

    def __init__(self, inputs: int, width: int, units: int) -> None:
        super().__init__()
        self.begin = preactivated(inputs, width)
        self.norms = nn.ModuleList(nn.BatchNorm2d(width) for _ in range(2 * units))
        self.first, self.second = conv3(width, width), conv3(width, width)

    def forward(self, x: Tensor) -> Tensor:
        begun = self.begin(x)
        state = begun
        for before, between in zip(self.norms[::2], self.norms[1::2], strict=True):
            state = self.first(before(state).relu())
            state = begun + self.second(between(state).relu())
        return state
