"""FSRCNN: Dong, Loy, Tang, "Accelerating the Super-Resolution Convolutional Neural Network", ECCV 2016.

An hourglass at the picture's size, and a 9x9 deconvolution that enlarges last; there is no skip. (d, s, m) is
(56, 12, 4); FSRCNN-s is (32, 5, 1). The paper counts the convolutions' weights alone, 12,464 and 3,937.
"""

from torch import nn

from superres.blocks.residual import conv3
from superres.blocks.start import start_he
from superres.frameworks import PostUpsampling
from superres.terms.reach import reach


class FSRCNN(PostUpsampling):
    """(B, channels, H, W) in [0, 1] -> (B, channels, scale * H, scale * W), for luma.

    ``width``, ``narrow`` and ``mapping`` are the paper's d, s and m. Pixels of the input lie at the first of each
    ``scale`` pixels of the output, as in the official code.
    """

    def __init__(
        self, *, scale: int = 2, width: int = 56, narrow: int = 12, mapping: int = 4, channels: int = 1
    ) -> None:
        mapped = [one for _ in range(mapping) for one in (conv3(narrow, narrow), nn.PReLU(narrow))]
        enlarge = nn.ConvTranspose2d(width, channels, 9, scale, padding=4, output_padding=scale - 1)
        super().__init__(
            head=nn.Sequential(nn.Conv2d(channels, width, 5, padding=2), nn.PReLU(width)),
            body=nn.Sequential(
                *(nn.Conv2d(width, narrow, 1), nn.PReLU(narrow)),
                *mapped,
                *(nn.Conv2d(narrow, width, 1), nn.PReLU(width)),
            ),
            upsample=enlarge,
            tail=nn.Identity(),
            scale=scale,
            radius=reach(2 + mapping, ("up", 9, scale, 4)),
            channels=channels,
            long_skip=False,
        )
        start_he(self)
        nn.init.normal_(enlarge.weight, std=0.001)
