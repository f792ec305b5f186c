"""FEQE: Vu, Van Nguyen, Pham, Luu, Yoo, "Fast and Efficient Image Quality Enhancement via Desubpixel Convolutional
Neural Networks", ECCVW 2018.

An enlarged picture is folded back to small maps by pixel unshuffle (the paper's desub-pixel), loses nothing by it, and
is worked on at that size: 20 residual blocks of 16 channels between 1x1 convolutions. The official code also clips its
output; here whoever writes the picture does. Its range of 255 around 0.5 belongs into the weights.
"""

from torch import Tensor, nn

from superres.blocks.residual import ResidualBlock, conv3
from superres.blocks.upsample import Enlarged
from superres.frameworks import Enlarge
from superres.terms.network import NetworkFacts, built_for, tell
from superres.terms.reach import Layer, reach


class FEQE(nn.Module):
    """Enlarged picture (B, channels, H, W) in [0, 1] -> the same size, H and W multiples of ``scale``.

    See ``PreUpsampling`` for ``enlarge``. ``width`` is a multiple of 4.
    """

    def __init__(
        self,
        *,
        scale: int = 4,
        blocks: int = 20,
        width: int = 16,
        channels: int = 3,
        enlarge: Enlarge = "outside",
    ) -> None:
        super().__init__()
        built_for("FEQE", scale, (2, 4))
        outside = enlarge == "outside"
        self.enlarge = Enlarged(scale=scale, mode="nothing" if outside else enlarge)
        thin, pixels = width // 4, 4 * channels
        if scale == 2:
            self.head = nn.Sequential(nn.Conv2d(channels, thin, 1), nn.PixelUnshuffle(2))
            tail = [nn.Conv2d(width, pixels, 1), nn.PixelShuffle(2)]
        else:
            self.head = nn.Sequential(nn.PixelUnshuffle(2), nn.Conv2d(pixels, thin, 1), nn.PixelUnshuffle(2))
            tail = [nn.Conv2d(width, 4 * width, 1), nn.PixelShuffle(2), nn.Conv2d(width, pixels, 1), nn.PixelShuffle(2)]
        self.body = nn.Sequential(*(ResidualBlock(width) for _ in range(blocks)), conv3(width, width))
        self.tail = nn.Sequential(*tail)
        seen: tuple[Layer, ...] = (("unshuffle", scale), 2 * blocks + 1, ("up", scale))
        if not outside:
            seen = (("up" if enlarge == "nearest" else enlarge, scale), *seen)
        multiple = scale if outside else 1
        facts = NetworkFacts(scale=scale, radius=reach(*seen), channels=channels, multiple=multiple, enlarged=outside)
        tell(self, facts)

    def forward(self, x: Tensor) -> Tensor:
        x = self.enlarge(x)
        return x + self.tail(self.body(self.head(x - 0.5)))
