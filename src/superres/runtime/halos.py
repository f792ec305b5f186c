"""How many pixels around a tile a model is given."""

from superres.runtime.opening import MOST_HALO, Network, Opener
from superres.runtime.settings import Settings

STRETCHED = 32  # px: wider ones change tiles of RFDN and RLFN no further towards the whole picture
DEEP = 64  # px: beyond this an exact halo costs several times the picture, so a smaller one is measured


def halo_of(network: Network | None, settings: Settings, opener: Opener) -> tuple[int, str]:
    """Pixels around each tile, and what the plan says of them."""
    if network is None:
        return 0, "rows stream through"
    known = network.halo
    if known is not None and (settings.exact or known <= DEEP):
        return known, "exact: the model's radius"
    if network.stretched:
        text = "tiles differ a little from the whole picture, all of which the model sees (--exact takes it whole)"
        return STRETCHED + -STRETCHED % network.alignment, text
    measured = opener.measured_halo(network, settings)
    radius = "the whole picture" if known is None else f"{known} px"
    sees = f"(the model sees {radius}; --exact takes all)"
    limits = "the error stays under half an 8-bit step" if measured < MOST_HALO else "no smaller one leaves no error"
    return measured, f"measured: {limits} {sees}"
