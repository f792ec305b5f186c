"""Zero-shot super-resolution: a small network learns from nothing but the picture that it is to enlarge.

Shocher, Cohen and Irani, "Zero-shot super-resolution using deep internal learning", CVPR 2018. A picture repeats
itself across scales: what turns its reduced copy (the son) back into itself (the father) also enlarges the picture.
Fathers and sons come from :mod:`superres.data.one_picture`; the loop, the budget and the choice of the best weights are
:mod:`superres.train.one_picture`'s.
"""

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from superres.terms.method import Memo, Turn
from superres.terms.sample import Sample

_LUMA = (0.299, 0.587, 0.114)


class ZSSR:
    """One player, ``net``, charged for the absolute error of the bands and, in colour, of their luma as well.

    ``network`` is any module (B, C, H, W) -> (B, C, scale * H, scale * W). ``clip`` holds the norm of its gradient.
    """

    result = "net"

    def __init__(self, network: nn.Module, *, luma: float = 1.0, clip: float | None = 1.0) -> None:
        self._net, self._luma = network, luma
        self._turns = (Turn("net", self._loss, clip=clip),)

    @property
    def players(self) -> Mapping[str, nn.Module]:
        return {"net": self._net}

    @property
    def turns(self) -> tuple[Turn, ...]:
        return self._turns

    def _loss(self, batch: Sample, memo: Memo) -> Mapping[str, Tensor]:
        error: Tensor = memo.get("sr", lambda: self._net(batch["lr"])) - batch["hr"]
        terms = {"bands": error.abs().mean()}
        if error.shape[1] == 3 and self._luma:
            luma = (error * error.new_tensor(_LUMA).view(1, 3, 1, 1)).sum(1)
            terms["luma"] = self._luma * luma.abs().mean()
        return terms

    def state_dict(self) -> dict[str, Any]:
        """Nothing: the method has no schedule of its own."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Nothing to take up."""
