"""MemNet: Tai, Yang, Liu, Xu, "MemNet: A Persistent Memory Network for Image Restoration", ICCV 2017.

A memory block applies one residual block again and again, and a 1x1 gate joins all its states with the outputs of all
blocks before it. Every block's output is made into a picture by the same convolution; the result is their weighted
sum. Normalisation is each position's own. The published count, 677K, is of the convolutions' weights alone (676,992).
In the network definition that the authors released, ``shared=False``, the residual blocks do not share weights.
"""

import torch
from torch import Tensor, nn

from superres.blocks.preactivated import preactivated
from superres.blocks.residual import conv3
from superres.blocks.start import start_he
from superres.frameworks import Enlarge, enlarged, pre_facts
from superres.terms.network import tell


class MemNet(nn.Module):
    """Enlarged luma (B, channels, H, W) in [0, 1] -> the same size; see ``PreUpsampling`` for ``enlarge``.

    ``stages`` gives the pictures of all memory blocks, which the paper's loss supervises, and then their weighted sum.
    """

    def __init__(
        self,
        *,
        scale: int = 2,
        memories: int = 6,
        recursions: int = 6,
        width: int = 64,
        shared: bool = True,
        channels: int = 1,
        enlarge: Enlarge = "outside",
    ) -> None:
        super().__init__()
        self.enlarge = enlarged(scale, enlarge)
        self.extract = preactivated(channels, width)
        self.memories = nn.ModuleList(Memory(width, recursions, index + 1, shared) for index in range(memories))
        self.norms = nn.ModuleList(nn.BatchNorm2d(width) for _ in range(memories))
        self.reconstruct = conv3(width, channels)
        self.weights = nn.Parameter(torch.full((memories,), 1 / memories))
        start_he(self)
        tell(self, pre_facts(scale, 2 * memories * recursions + 2, channels, enlarge))

    def stages(self, x: Tensor) -> tuple[Tensor, ...]:
        """A picture of each memory block, and last their weighted sum."""
        x = self.enlarge(x)
        kept, made, total = [self.extract(x)], list[Tensor](), None
        for index, (memory, norm) in enumerate(zip(self.memories, self.norms, strict=True)):
            kept.append(memory(kept))
            picture = x + self.reconstruct(norm(kept[-1]).relu())
            made.append(picture)
            weighted = picture * self.weights[index]
            total = weighted if total is None else total + weighted
        assert total is not None
        return (*made, total)

    def forward(self, x: Tensor) -> Tensor:
        return self.stages(x)[-1]


class Memory(nn.Module):
    """Short-term memory, the states of a recursion; long-term memory, what is given; and the gate over both."""

    def __init__(self, width: int, recursions: int, given: int, shared: bool) -> None:
        super().__init__()
        self.recursions = recursions
        pairs = 1 if shared else recursions
        self.norms = nn.ModuleList(nn.BatchNorm2d(width) for _ in range(2 * recursions))
        self.convs = nn.ModuleList(conv3(width, width) for _ in range(2 * pairs))
        self.gate = preactivated((given + recursions) * width, width, kernel=1)

    def forward(self, given: list[Tensor]) -> Tensor:
        state, states = given[-1], list[Tensor]()
        for index in range(self.recursions):
            made = state
            for step in (2 * index, 2 * index + 1):
                made = self.convs[step % len(self.convs)](self.norms[step](made).relu())
            state = state + made
            states.append(state)
        return self.gate(torch.cat([*given, *states], 1))
