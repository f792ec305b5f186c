"""The one door to libvips: imported late, its cache off, its noise kept from the terminal."""

import functools
import logging
from typing import Any


@functools.cache
def library() -> Any:
    """The ``pyvips`` module. Its operation cache is off: it would keep files open and answer with old pixels."""
    logger = logging.getLogger("pyvips")
    if logger.level == logging.NOTSET:
        # libvips warns of every odd tag in a file; what matters arrives as an error.
        logger.setLevel(logging.ERROR)
    import pyvips

    pyvips.cache_set_max(0)
    return pyvips


def reason(error: BaseException) -> str:
    """The first telling line of a libvips (or other) error, without its repetitions and file names."""
    text = str(getattr(error, "detail", "") or error)
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__
