"""The reference values beside the clone, and the pictures they were computed on."""

import csv
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

SHARED = Path(__file__).parents[2] / "../shared"
PICTURES = SHARED / "data/metrics"
ABSENT = not (SHARED / "reference/metrics_reference.csv").exists()
WHY = "the reference values are not beside this clone"


def rows(*metrics: str) -> list[dict[str, str]]:
    """The rows of these metrics; none where the table is absent."""
    if ABSENT:
        return []
    with (SHARED / "reference/metrics_reference.csv").open(newline="") as file:
        return [row for row in csv.DictReader(file) if row["metric"] in metrics]


def picture(name: str) -> np.ndarray:
    """(H, W) or (H, W, 3) uint8."""
    with Image.open(PICTURES / name) as found:
        return np.asarray(found.convert("RGB") if found.mode == "P" else found)


def tensor(x: np.ndarray) -> Tensor:
    """uint8 or samples of 0..255 -> (1, C, H, W) float64 in [0, 1]."""
    x = np.asarray(x, np.float64)[..., None] if x.ndim == 2 else np.asarray(x, np.float64)
    return torch.from_numpy(np.ascontiguousarray(x.transpose(2, 0, 1)[None]) / 255)
