"""VDSR: Kim, Lee, Lee, "Accurate Image Super-Resolution Using Very Deep Convolutional Networks", CVPR 2016.

Twenty 3x3 convolutions predict the residual of a picture that bicubic interpolation has enlarged; one network serves
all scales.
"""

from torch import nn

from superres.blocks.residual import conv3
from superres.blocks.start import start_he
from superres.frameworks import Enlarge, PreUpsampling


class VDSR(PreUpsampling):
    """Enlarged luma (B, channels, H, W) in [0, 1] -> the same size; see ``PreUpsampling`` for ``enlarge``.

    ``depth`` counts the convolutions between the first and the last.
    """

    def __init__(
        self, *, scale: int = 2, depth: int = 18, width: int = 64, channels: int = 1, enlarge: Enlarge = "outside"
    ) -> None:
        layers = [one for _ in range(depth) for one in (conv3(width, width), nn.ReLU(inplace=True))]
        super().__init__(
            head=nn.Sequential(conv3(channels, width), nn.ReLU(inplace=True)),
            body=nn.Sequential(*layers),
            tail=conv3(width, channels),
            scale=scale,
            radius=depth + 2,
            channels=channels,
            enlarge=enlarge,
        )
        start_he(self)
