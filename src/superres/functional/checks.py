"""What every metric asks of the pictures it is given, said once and in the same words."""

import math

from torch import Tensor

from superres.terms.metric import MetricFacts
from superres.types import BadRequest

_SLACK = 1e-6
"""How far outside [0, 1] rounding may take a luma or a resized picture."""


def checked_picture(facts: MetricFacts, test: Tensor) -> Tensor:
    """``test`` itself, when the metric can measure it. Raises BadRequest for a shape, size, range, NaN or infinity."""
    return _checked(facts, test, "test picture")


def checked_pair(facts: MetricFacts, test: Tensor, reference: Tensor | None) -> tuple[Tensor, Tensor]:
    """Both pictures, when the metric can compare them. Raises BadRequest, also where their shapes or kinds differ."""
    if reference is None:
        raise BadRequest(f"{facts.name} compares with a reference and none was given; pass the true picture too")
    _checked(facts, test, "test picture")
    _checked(facts, reference, "reference")
    given, wanted = tuple(test.shape), tuple(reference.shape)
    if given[1] != wanted[1]:
        raise BadRequest(
            f"{facts.name}: the test picture has {_bands(given[1])} and the reference {_bands(wanted[1])}; "
            "nothing is repeated or mixed to make them fit: bring both to the same bands first"
        )
    if given[2:] != wanted[2:]:
        raise BadRequest(
            f"{facts.name}: the test picture is {given[3]}x{given[2]} and the reference {wanted[3]}x{wanted[2]}; "
            "they must be the same size: crop the reference to a multiple of the scale, or put cut borders back"
        )
    if given[0] != wanted[0]:
        raise BadRequest(f"{facts.name}: {given[0]} test pictures and {wanted[0]} references; wanted as many of both")
    if test.dtype != reference.dtype or test.device != reference.device:
        raise BadRequest(
            f"{facts.name}: the test picture is {test.dtype} on {test.device}, the reference {reference.dtype} on "
            f"{reference.device}; bring both to one dtype and device"
        )
    return test, reference


def _checked(facts: MetricFacts, x: Tensor, role: str) -> Tensor:
    shape = tuple(x.shape)
    if x.ndim != 4 or 0 in shape:
        raise BadRequest(f"{facts.name}: the {role} has shape {shape}; wanted (B, C, H, W), not empty")
    if not x.is_floating_point():
        raise BadRequest(f"{facts.name}: the {role} is {x.dtype}; wanted float32 or float64 in [0, 1]: divide by 255")
    if facts.takes == "rgb" and shape[1] != 3:
        raise BadRequest(f"{facts.name}: the {role} has {_bands(shape[1])}; this metric is defined on RGB, 3 bands")
    if facts.takes == "gray" and shape[1] not in (1, 3):
        raise BadRequest(f"{facts.name}: the {role} has {_bands(shape[1])}; wanted gray or RGB, 1 or 3 bands")
    if min(shape[2:]) < facts.smallest:
        raise BadRequest(
            f"{facts.name}: the {role} is {shape[3]}x{shape[2]}; this metric needs {facts.smallest} pixels a side"
        )
    low, high = (float(one) for one in x.detach().aminmax())  # a NaN anywhere makes both NaN
    if math.isnan(low) or math.isinf(low) or math.isinf(high):
        raise BadRequest(f"{facts.name}: the {role} holds NaN or infinity; nothing about it can be measured")
    if low < -_SLACK or high > 1 + _SLACK:
        raise BadRequest(
            f"{facts.name}: the {role} goes from {low:.6g} to {high:.6g}; wanted [0, 1]: divide 8-bit samples by 255, "
            "or clip what a network overshoots"
        )
    return x


def _bands(count: int) -> str:
    return "1 band" if count == 1 else f"{count} bands"
