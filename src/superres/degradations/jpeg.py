"""JPEG through a real codec."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from superres.degradations.batch import check, check_share
from superres.terms.degradation import Draw
from superres.types import BadRequest

Picture8 = npt.NDArray[np.uint8]


@dataclass(frozen=True, kw_only=True)
class Jpeg:
    """Written as a baseline JPEG by Pillow and read back: clipped, rounded to 8 bits, compressed.

    ``quality`` is drawn from whole numbers, both ends included; with the share ``halved`` colour has half the
    resolution (4:2:0), otherwise the whole (4:4:4). The codec runs on the CPU, wherever the pictures are; there is no
    gradient (``soft_jpeg`` has one). Pictures have 1 or 3 bands.
    """

    quality: tuple[int, int] = (30, 95)
    halved: float = 0.7

    def __post_init__(self) -> None:
        check_quality(self.quality)
        check_share("halved", self.halved)

    @property
    def scale(self) -> int:
        return 1

    def draw(self, rng: np.random.Generator) -> Draw:
        return draw_jpeg(rng, self.quality, self.halved)

    def apply(self, x: Tensor, draws: Sequence[Draw]) -> Tensor:
        check(x, draws)
        if x.shape[1] not in (1, 3):
            raise BadRequest(f"a picture of {x.shape[1]} bands cannot become a JPEG; wanted 1 or 3")
        steps = torch.floor(x.detach().clamp(0, 1) * 255 + 0.5).to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()
        done: list[Tensor] = []
        for picture, draw in zip(steps, draws, strict=True):
            quality, subsampling = (int(cast(Any, draw[key])) for key in ("quality", "subsampling"))
            done.append(torch.from_numpy(jpeg(picture, quality, subsampling=subsampling)))
        return (torch.stack(done).permute(0, 3, 1, 2).to(x.device, x.dtype) / 255).contiguous()


def check_quality(quality: tuple[int, int]) -> None:
    """Raise BadRequest for what is no span of JPEG qualities."""
    if not 1 <= quality[0] <= quality[1] <= 100:
        raise BadRequest(f"JPEG quality {quality[0]} .. {quality[1]} is no span within 1 .. 100")


def draw_jpeg(rng: np.random.Generator, quality: tuple[int, int], halved: float) -> Draw:
    """A quality, and the subsampling in the codec's words: 0 is 4:4:4, 2 is 4:2:0."""
    drawn = int(rng.integers(quality[0], quality[1] + 1))
    return {"quality": drawn, "subsampling": 2 if rng.random() < halved else 0}


def jpeg(x: Picture8, quality: int, *, subsampling: int) -> Picture8:
    """(H, W, 1 or 3) through the codec; ``subsampling`` 0 is 4:4:4, 2 is 4:2:0."""
    from PIL import Image

    gray = x.shape[2] == 1
    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(x[..., 0] if gray else x)).save(
        file, "JPEG", quality=quality, subsampling=subsampling
    )
    return np.array(Image.open(file).convert("L" if gray else "RGB")).reshape(x.shape)
