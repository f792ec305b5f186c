"""Reading pictures."""

from pathlib import Path

import numpy as np
import numpy.typing as npt

PICTURE_SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff", ".ppm"}


def read_rgb8(path: Path) -> npt.NDArray[np.uint8]:
    """A picture as (H, W, 3) uint8, the way benchmarks read it: gray is repeated, profiles are left alone."""
    from PIL import Image

    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB"))
