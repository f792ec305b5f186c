"""DWSR: Guo, Mousavi, Vu, Monga, "Deep Wavelet Prediction for Image Super-Resolution", CVPRW 2017.

The enlarged picture is taken apart into the four sub-bands of a wavelet, ten convolutions predict what they lack, and
the inverse transform puts the picture together. As the transform is linear and its inverse exact, the residual of the
sub-bands is one of the picture. The paper's wavelet is Haar's; the others see the picture as periodic, so that with
them tiles are not exact.
"""

from itertools import pairwise

from torch import Tensor, nn

from superres.blocks.residual import conv3
from superres.blocks.wavelet import Wavelet, WaveletName
from superres.frameworks import Enlarge, enlarged
from superres.terms.network import NetworkFacts, tell
from superres.terms.reach import Layer, reach


class DWSR(nn.Module):
    """Enlarged luma (B, channels, H, W) in [0, 1] -> the same size; H and W are even.

    See ``PreUpsampling`` for ``enlarge``. ``depth`` counts the convolutions of ``width`` channels before the last one.
    """

    def __init__(
        self,
        *,
        scale: int = 2,
        depth: int = 9,
        width: int = 64,
        wavelet: WaveletName = "haar",
        channels: int = 1,
        enlarge: Enlarge = "outside",
    ) -> None:
        super().__init__()
        self.enlarge = enlarged(scale, enlarge)
        self.wavelet = Wavelet(channels, name=wavelet)
        widths = (4 * channels, *(width,) * depth)
        hidden = [(conv3(a, b), nn.ReLU()) for a, b in pairwise(widths)]
        self.body = nn.Sequential(*(one for pair in hidden for one in pair), conv3(widths[-1], 4 * channels))
        tell(self, _facts(scale, depth + 1, wavelet, channels, enlarge))

    def forward(self, x: Tensor) -> Tensor:
        x = self.enlarge(x)
        return x + self.wavelet.inverse(self.body(self.wavelet(x)))


def _facts(scale: int, convs: int, wavelet: WaveletName, channels: int, enlarge: Enlarge) -> NetworkFacts:
    smallest = 2 if wavelet == "haar" else 8
    if enlarge == "outside":
        radius = reach(("down", 2, 2, 0), convs, ("up", 2, 2, 0)) if wavelet == "haar" else None
        return NetworkFacts(scale=scale, radius=radius, channels=channels, smallest=smallest, multiple=2, enlarged=True)
    first: Layer = ("up" if enlarge == "nearest" else enlarge, scale)
    radius = reach(first, ("down", 2, 2, 0), convs, ("up", 2, 2, 0)) if wavelet == "haar" else None
    multiple = 2 if scale % 2 else 1
    return NetworkFacts(
        scale=scale, radius=radius, channels=channels, smallest=-(-smallest // scale), multiple=multiple
    )
