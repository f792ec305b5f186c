"""The perceptual index of the PIRM 2018 challenge."""

from torch import Tensor

from superres.functional.checks import checked_picture
from superres.metrics.niqe import NIQE
from superres.metrics.nrqm import NRQM
from superres.metrics.weights import Weights
from superres.terms.metric import MetricFacts


class PerceptualIndex:
    """((10 - NRQM) + NIQE) / 2, both under the challenge's convention; the challenge takes its mean over pictures.

    It needs the forests of :class:`superres.metrics.nrqm.NRQM`.
    """

    def __init__(self, *, weights: Weights | None = None) -> None:
        self._niqe, self._nrqm = NIQE(convention="pirm"), NRQM(convention="pirm", weights=weights)
        self.facts = MetricFacts(
            name="pi",
            better="lower",
            range=(float("-inf"), float("inf")),
            unit="",
            needs_reference=False,
            takes="gray",
            smallest=max(self._niqe.facts.smallest, self._nrqm.facts.smallest),
            differentiable=False,
            conventions="8-bit Y as rgb2ycbcr, 4 pixels cut at each side; NIQE of LIVE's model, the authors' NRQM",
            source="Blau, Mechrez, Timofte, Michaeli, Zelnik-Manor, The 2018 PIRM challenge on perceptual image "
            "super-resolution, ECCV workshops 2018",
        )

    def __call__(self, test: Tensor, reference: Tensor | None = None) -> Tensor:  # noqa: ARG002 - the Metric's signature
        """(B, 1 or 3, H, W) in [0, 1] -> (B,). Raises BadRequest, also where flat; BadModel without forests."""
        x = checked_picture(self.facts, test)
        return ((10 - self._nrqm(x)) + self._niqe(x)) / 2

    def notes(self, test: Tensor) -> list[str]:
        """NIQE's own notes: the number of blocks of each picture."""
        return self._niqe.notes(test)
