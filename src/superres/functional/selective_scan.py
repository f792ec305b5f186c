"""The selective scan of Mamba (Gu, Dao 2023, section 3) in plain tensor operations.

A state decays and is added to at every step of a sequence, by amounts that the sequence itself says. A chunk is cut
into about as many runs as a run has steps: all runs go forward side by side, each from nothing, then what each leaves
is carried to the next, and last what came before is added everywhere. No quotient of decays is taken, so nothing
overflows. Chunks follow each other, which bounds memory.
"""

from math import ceil, sqrt

import torch
import torch.nn.functional as F
from torch import Tensor


def selective_scan(x: Tensor, step: Tensor, decay: Tensor, give: Tensor, take: Tensor, *, chunk: int = 4096) -> Tensor:
    """y_t = sum over n of take_tn h_tn, where h_tn = exp(step_t decay_n) h_(t-1)n + step_t give_tn x_t, h_0 = 0.

    Args:
        x: (B, K, D, L): K sequences of D channels, each channel with N states of its own.
        step: (B, K, D, L), positive: how far time goes on.
        decay: (K, D, N), negative.
        give: (B, K, N, L): how much of x each state is given.
        take: (B, K, N, L): how much of each state is taken.
    Returns: (B, K, D, L).
    """
    if x.device.type == "meta":  # nothing to add up, and counting costs would take minutes
        return torch.empty_like(x)
    state = x.new_zeros(*x.shape[:3], decay.shape[-1])
    made: list[Tensor] = []
    for start in range(0, x.shape[-1], chunk):
        part = slice(start, start + chunk)
        one, state = _chunk(
            step[..., part] * x[..., part], step[..., part], decay, give[..., part], take[..., part], state
        )
        made.append(one)
    return torch.cat(made, -1)


def _chunk(x: Tensor, step: Tensor, decay: Tensor, give: Tensor, take: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
    """The output of a chunk that begins with ``state``, and the state after it; ``x`` is multiplied by step already."""
    length = x.shape[-1]
    steps = ceil(sqrt(length))
    x, step, give, take = (_runs(one, steps) for one in (x, step, give, take))  # (steps, B, K, D or N, runs)
    kept = torch.exp(step[:, :, :, :, None] * decay[..., None])  # (steps, B, K, D, N, runs)
    alone, product = x[0, :, :, :, None] * give[0, :, :, None], kept[0]
    states, products = [alone], [product]
    for t in range(1, steps):
        alone = torch.addcmul(x[t, :, :, :, None] * give[t, :, :, None], kept[t], alone)
        product = product * kept[t]
        states.append(alone)
        products.append(product)
    before: list[Tensor] = []
    for run in range(alone.shape[-1]):
        before.append(state)
        state = alone[..., run] + product[..., run] * state
    came = torch.stack(before, -1)
    made = [
        (torch.addcmul(one, gone, came) * taken[:, :, None]).sum(3)
        for one, gone, taken in zip(states, products, take, strict=True)
    ]
    return torch.stack(made, -1).flatten(-2)[..., :length], state


def _runs(x: Tensor, steps: int) -> Tensor:
    """(..., L) -> (steps, ..., runs), filled up with zeros: steps of no time, which change nothing."""
    filled = F.pad(x, (0, -x.shape[-1] % steps))
    return filled.view(*x.shape[:-1], -1, steps).movedim(-1, 0).contiguous()
