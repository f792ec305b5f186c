"""The convolutions of VGG16 (Simonyan, Zisserman, ICLR 2015), named as torchvision names them."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

from superres.blocks.winograd import convolved

_WIDTHS = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))


class VGG16Trunk(nn.Module):
    """Features of a picture normalised as the weights expect; at least 16 pixels a side."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        before = 3
        for widths in _WIDTHS:
            if layers:
                layers.append(nn.MaxPool2d(2))
            for width in widths:
                layers += [nn.Conv2d(before, width, 3, padding=1), nn.ReLU(inplace=True)]
                before = width
        self.features = nn.Sequential(*layers)

    def stages(self, x: Tensor, *, pool: Callable[[Tensor], Tensor] | None = None) -> Iterator[Tensor]:
        """(B, 3, H, W) -> the last output of each size, one at a time: 64, 128, 256, 512 and 512 channels.

        ``pool`` takes the place of the maximum that halves the size.
        """
        x = x.contiguous(memory_format=torch.channels_last)  # which suits its wide and large layers on a CPU
        for layer in self.features:
            if isinstance(layer, nn.MaxPool2d):
                yield x
                x = pool(x) if pool else layer(x)
            else:
                x = convolved(layer, x) if isinstance(layer, nn.Conv2d) else layer(x)
        yield x
