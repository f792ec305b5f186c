"""The error of one ring of frequencies."""

import math

from torch import Tensor

from superres.functional.checks import checked_pair
from superres.functional.roots import safe_sqrt
from superres.functional.spectrum import spectral_error
from superres.terms.metric import MetricFacts
from superres.types import BadRequest


class SpectralError:
    """Root mean square of the error's part between two frequencies, in units of Nyquist; 0 for identical pictures.

    The defaults take the upper half, where the detail is that x2 must invent. The squares of rings that cover it all
    sum to the mean squared error; ``superres.functional.spectrum.spectral_error`` gives many rings at once.
    """

    facts = MetricFacts(
        name="spectral-error",
        better="lower",
        range=(0.0, 1.0),
        unit="",
        needs_reference=True,
        takes="bands",
        smallest=4,
        differentiable=True,
        conventions="radial frequency from low up to, not including, high, in units of Nyquist, corners up to sqrt(2); "
        "no window against the jump at the borders; mean of the bands",
        source="Parseval's identity on the discrete Fourier transform of the difference",
    )

    def __init__(self, *, low: float = 0.5, high: float = math.inf) -> None:
        if not 0 <= low < high:
            raise BadRequest(f"spectral-error: from {low} to {high} is no ring; wanted 0 <= low < high, 1 is Nyquist")
        self._edges = (low, high)

    def __call__(self, test: Tensor, reference: Tensor | None = None) -> Tensor:
        """(B, C, H, W) in [0, 1] twice -> (B,). Raises BadRequest (see ``functional.checks``)."""
        return safe_sqrt(spectral_error(*checked_pair(self.facts, test, reference), self._edges)[:, 0])
