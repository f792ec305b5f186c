"""PIQE (Venkatanath et al. 2015): visible flaws and noise, counted over the busy blocks of a picture."""

import torch
import torch.nn.functional as F
from torch import Tensor

from superres.functional.natural_scenes import local_moments, normalised

BLOCK = 16
_ACTIVE = 0.1  # variance of normalised samples above which a block is busy
_FLAT = 0.1  # deviation below which a piece of a block's edge is flat
_PIECE = 6  # samples in a piece of an edge


def piqe(gray: Tensor) -> Tensor:
    """(B, H, W) float64 of 0 to 255 -> (B,) from 0, good, to 100; 100 too where no block is busy."""
    return torch.stack([_score(_blocks(one)) for one in gray])


def _blocks(gray: Tensor) -> Tensor:
    """(H, W) -> (N, 16, 16) normalised samples; the edge is repeated up to whole blocks."""
    fill = (0, -gray.shape[1] % BLOCK, 0, -gray.shape[0] % BLOCK)
    x = F.pad(gray[None, None], fill, mode="replicate")[0, 0]
    flat = normalised(x, *local_moments(x))
    rows, columns = flat.shape[0] // BLOCK, flat.shape[1] // BLOCK
    return flat.view(rows, BLOCK, columns, BLOCK).transpose(1, 2).reshape(-1, BLOCK, BLOCK)


def _score(blocks: Tensor) -> Tensor:
    variance = blocks.flatten(1).var(1)
    busy = variance > _ACTIVE
    if not busy.any():
        return blocks.new_tensor(100.0)
    blocks, variance = blocks[busy], variance[busy]
    flawed, noisy = _flawed(blocks), _noisy(blocks, variance)
    charged = (flawed * (1 - variance) + noisy * variance).sum()
    return 100 * (charged + 1) / (len(blocks) + 1)


def _flawed(blocks: Tensor) -> Tensor:
    """Whether a piece of any of the four edges is flat."""
    edges = torch.stack((blocks[:, 0], blocks[:, -1], blocks[:, :, 0], blocks[:, :, -1]), 1)
    return (edges.unfold(2, _PIECE, 1).std(3) < _FLAT).flatten(1).any(1)


def _noisy(blocks: Tensor, variance: Tensor) -> Tensor:
    """Whether a block varies as much in its two middle columns as around them, in the measure of the paper.

    MATLAB takes the middle columns out one after the other by their first numbers, so that the second one out is the
    right neighbour of the middle; its figures come from that.
    """
    first, second = BLOCK // 2 - 1, BLOCK // 2
    centre = blocks[:, :, first : second + 1].flatten(1)
    around = torch.cat(
        (blocks[:, :, :first], blocks[:, :, second : second + 1], blocks[:, :, second + 2 :]), 2
    ).flatten(1)
    ratio = centre.std(1) / around.std(1)
    deviation = variance.sqrt()
    return deviation > 2 * (deviation - ratio).abs() / torch.maximum(deviation, ratio)
