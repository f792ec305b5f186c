"""A network that is told the degradation: the kernel and the noise level that a user gives, once for all pictures."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from superres.degradations.kernel_file import KernelFile
from superres.networks.srmd import SRMD
from superres.types import BadInput, BadRequest

_WHITE = 255.0
_LOST = 0.02  # of a kernel's weight, which may lie outside of the network's window


@dataclass(frozen=True)
class Told:
    """``kernel`` is a file, whose first kernel is taken; ``noise`` a standard deviation of 255."""

    kernel: Path | None = None
    noise: float | None = None

    def card(self) -> dict[str, Any]:
        """What a model file says of it."""
        kernel = {} if self.kernel is None else {"kernel": self.kernel.name}
        return kernel | ({} if self.noise is None else {"noise": self.noise})

    def said(self) -> str:
        """The same in words, empty where nothing was told."""
        kernel = "" if self.kernel is None else f"; told the blur in {self.kernel.name}"
        return kernel + ("" if self.noise is None else f"; told noise of {self.noise:g} of 255")


NOTHING = Told()


def tell(module: nn.Module, told: Told) -> None:
    """Have ``module`` assume it. BadRequest for a network that is told nothing of the kind."""
    if told == NOTHING:
        return
    if not isinstance(module, SRMD):
        flag = "--noise" if told.kernel is None else "--kernel"
        raise BadRequest(f"{flag} is for srmd, which is told the degradation; {type(module).__name__} is not")
    kernel = None if told.kernel is None else _window(told.kernel, module.code.side)
    module.assume(kernel=kernel, noise=None if told.noise is None else told.noise / _WHITE)


def _window(path: Path, side: int) -> Tensor:
    """The kernel, its centre moved to the middle, on ``side`` x ``side`` samples."""
    file = KernelFile(file=str(path), index=0, centred=True)
    kernel = file.make(file.draw(np.random.default_rng(0)), even=False)
    for axis in (0, 1):
        room = max(0, side - kernel.shape[axis]) // 2
        kernel = np.pad(kernel, [(room, room) if a == axis else (0, 0) for a in (0, 1)])
        skipped = (kernel.shape[axis] - side) // 2
        kernel = np.take(kernel, range(skipped, skipped + side), axis)
    lost = 1.0 - float(kernel.sum())
    if not abs(lost) <= _LOST:
        raise BadInput(f"{path}: {lost:.0%} of the kernel lies outside of the {side}x{side} samples that srmd is told")
    return torch.tensor((kernel / kernel.sum()).tolist(), dtype=torch.float32)
