"""superres: enlarge real pictures, and study how it is done."""

from typing import TYPE_CHECKING, Any

from superres.version import VERSION

if TYPE_CHECKING:
    from superres.api import load, upscale
    from superres.bench.measuring import measure

__version__ = VERSION
__all__ = ["__version__", "load", "measure", "upscale"]


def __getattr__(name: str) -> Any:
    """What the package offers is imported at first use: ``import superres`` loads nothing heavy."""
    if name in ("load", "upscale"):
        from superres import api

        return getattr(api, name)
    if name == "measure":
        from superres.bench.measuring import measure

        return measure
    raise AttributeError(f"module 'superres' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
