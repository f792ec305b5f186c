"""The error of one band, or of the worst."""

from torch import Tensor

from superres.functional.checks import checked_pair
from superres.functional.edges import band_error
from superres.terms.metric import MetricFacts
from superres.types import BadRequest


class BandError:
    """Root mean square error of band ``band``, counted from 0, or of the worst one; 0 for identical pictures.

    ``superres.functional.edges.band_error`` gives all bands.
    """

    facts = MetricFacts(
        name="band-error",
        better="lower",
        range=(0.0, 1.0),
        unit="",
        needs_reference=True,
        takes="bands",
        smallest=1,
        differentiable=True,
        conventions="samples in [0, 1]; the worst band unless one is named",
        source="root mean square error, a band at a time",
    )

    def __init__(self, *, band: int | None = None) -> None:
        if band is not None and band < 0:
            raise BadRequest(f"band-error: band {band} does not exist; bands count from 0")
        self._band = band

    def __call__(self, test: Tensor, reference: Tensor | None = None) -> Tensor:
        """(B, C, H, W) in [0, 1] twice -> (B,). Raises BadRequest, also for a band that the pictures do not have."""
        pair = checked_pair(self.facts, test, reference)
        if self._band is None:
            return band_error(*pair).amax(1)
        if self._band >= test.shape[1]:
            raise BadRequest(f"band-error: band {self._band} was asked for and there are {test.shape[1]}, from 0")
        return band_error(*pair)[:, self._band]
