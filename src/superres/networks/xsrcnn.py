"""xSRCNN: Kligvasser, Rott Shaham, Michaeli, "xUnit: Learning a Spatial Activation Function ...", CVPR 2018.

SRCNN with xUnits in place of its rectifiers and a smaller kernel in the middle (9-3-5), which makes up for what they
cost: about 32 thousand numbers, where SRCNN 9-5-5 has 57.
"""

from collections.abc import Sequence

from torch import Tensor, nn

from superres.blocks.upsample import Enlarged
from superres.blocks.xunit import XUnit
from superres.frameworks import Enlarge, pre_facts
from superres.terms.network import tell
from superres.types import BadRequest


class XSRCNN(nn.Module):
    """Enlarged luma (B, channels, H, W) in [0, 1] -> the same size; see ``PreUpsampling`` for ``enlarge``."""

    def __init__(
        self,
        *,
        scale: int = 3,
        kernels: Sequence[int] = (9, 3, 5),
        widths: Sequence[int] = (64, 32),
        spread: int = 9,
        channels: int = 1,
        enlarge: Enlarge = "outside",
    ) -> None:
        super().__init__()
        if len(kernels) != len(widths) + 1 or any(side % 2 == 0 for side in (*kernels, spread)):
            raise BadRequest(
                f"kernels {tuple(kernels)} and widths {tuple(widths)}; wanted odd kernels, one more of them"
            )
        self.enlarge = Enlarged(scale=scale, mode="nothing" if enlarge == "outside" else enlarge)
        layers, inputs = list[nn.Module](), channels
        for side, width in zip(kernels, widths, strict=False):
            layers += [nn.Conv2d(inputs, width, side, padding=side // 2), XUnit(width, kernel=spread)]
            inputs = width
        self.body = nn.Sequential(*layers, nn.Conv2d(inputs, channels, kernels[-1], padding=kernels[-1] // 2))
        radius = sum(side // 2 for side in kernels) + len(widths) * (spread // 2)
        tell(self, pre_facts(scale, radius, channels, enlarge))

    def forward(self, x: Tensor) -> Tensor:
        return self.body(self.enlarge(x))
