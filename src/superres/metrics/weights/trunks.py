"""A trained trunk and the small weights that a metric adds to it, read when first needed."""

from typing import Any

import torch
from torch import Tensor, nn

from superres.blocks.alexnet import AlexNetTrunk
from superres.blocks.vgg16 import VGG16Trunk
from superres.metrics.weights import load

_TRUNKS: dict[str, type[AlexNetTrunk] | type[VGG16Trunk]] = {"alexnet": AlexNetTrunk, "vgg16": VGG16Trunk}


class Trunk:
    """The features of the weights ``name`` (alexnet or vgg16) and the arrays of ``extra``; nothing in it is trained."""

    def __init__(self, name: str, extra: str) -> None:
        self._name, self._extra = name, extra
        self._kept: dict[Any, tuple[nn.Module, dict[str, Tensor]]] = {}

    def on(self, like: Tensor) -> tuple[Any, dict[str, Tensor]]:
        """The trunk and the arrays in the dtype and on the device of ``like``. BadModel where weights are absent."""
        key = (like.dtype, like.device)
        if key not in self._kept:
            with torch.inference_mode(False):  # what is kept must be fit for training, whoever asks first
                self._kept[key] = self._made(like)
        return self._kept[key]

    def _made(self, like: Tensor) -> tuple[nn.Module, dict[str, Tensor]]:
        weights = {key: torch.from_numpy(array) for key, array in load(self._name).items()}
        module = _TRUNKS[self._name]()
        module.load_state_dict(weights)
        module = module.to(like.device, like.dtype).eval().requires_grad_(False)
        extra = {key: torch.from_numpy(array).to(like) for key, array in load(self._extra).items()}
        return module, extra


def normalised(x: Tensor, mean: tuple[float, ...], deviation: tuple[float, ...]) -> Tensor:
    """(B, 3, H, W) in [0, 1] less each band's mean, over its deviation."""
    return (x - x.new_tensor(mean).view(3, 1, 1)) / x.new_tensor(deviation).view(3, 1, 1)
