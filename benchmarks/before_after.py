"""Draw ``docs/before_after.png``: one drawing of the project's own, enlarged by repetition, bicubic and superres.

python benchmarks/before_after.py
"""

from pathlib import Path

import numpy as np
from PIL import Image

import superres
from superres.cli.scene import draw
from superres.images.resize import imresize

TARGET = Path(__file__).parents[1] / "docs" / "before_after.png"
CROP = (slice(26, 96), slice(66, 146))


def main() -> None:
    small = draw()
    ways = [
        imresize(small, 4, method="nearest"),
        imresize(small, 4),
        superres.upscale(small, scale=4, model="clean"),
    ]
    rows, columns = CROP
    cut = [w[rows.start * 4 : rows.stop * 4, columns.start * 4 : columns.stop * 4] for w in ways]
    gap = np.full((cut[0].shape[0], 8, 3), 255, np.uint8)
    TARGET.parent.mkdir(exist_ok=True)
    Image.fromarray(np.hstack([cut[0], gap, cut[1], gap, cut[2]])).save(TARGET, optimize=True)
    print(TARGET)


if __name__ == "__main__":
    main()
