"""A whole data set on the device: crops are gathered, turned, converted and degraded there.

The random stream is that of the patches it holds, drawn on the host, so a batch is the same to the bit where the
device computes as the CPU does. What crosses to the device at a step is a few numbers a sample.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from superres.data.patches import Patches
from superres.data.plan import Plan, Shelf, flat
from superres.terms.plain import Plain
from superres.terms.sample import Sample
from superres.types import BadRequest


class DeviceData:
    """The batches of ``patches``, made on ``device`` (such as ``cuda``): a Source.

    Raises: BadRequest where the pictures have more than 8 bits, or do not fit into the device's free memory.
    """

    def __init__(self, patches: Patches, *, device: str = "cuda") -> None:
        self.patches = patches
        self.device = _checked_device(device)
        shelves: list[Shelf] = [patches.hr, *(low for low in patches.low.values() if low is not None)]
        _check_room(self.device, sum(int(np.prod(shape)) for shelf in shelves for shape in shelf.shapes))
        self._hr = _Packed(patches.hr, patches.hr.names, self.device)
        self._low = {
            scale: None if low is None else _Packed(low, patches.hr.names, self.device)
            for scale, low in patches.low.items()
        }

    def facts(self) -> dict[str, Plain]:
        """Those of the patches."""
        return self.patches.facts()

    def __call__(self, step: int, part: tuple[int, int] = (0, 1)) -> Sample:
        """One share of a batch, on the device; see ``superres.terms.source``."""
        scale, plans = self.patches.plans(step, part)
        everyone, size = flat(plans), self.patches.crop(scale)
        hr = self._hr.gather(everyone, size=size * scale, step=scale)
        low, lr = self._low[scale], None
        if low is not None:
            factor = self.patches.factor(scale)
            lr = low.gather(everyone, size=size * scale // factor, step=scale // factor)
        return self.patches.finish(scale, plans, hr, lr)


class _Packed:
    """Pictures one behind the other as one tensor of pixels, (pixels, bands) uint8, and where each begins."""

    def __init__(self, shelf: Shelf, names: Sequence[str], device: torch.device) -> None:
        self.device = device
        pictures = [shelf[index] for index in range(len(shelf))]
        for name, picture in zip(names, pictures, strict=True):
            if picture.dtype != np.uint8:
                raise BadRequest(
                    f"{name} has more than 8 bits a sample; keep such pictures off the device (Patches alone)"
                )
        self.widths = [picture.shape[1] for picture in pictures]
        counts = [picture.shape[0] * picture.shape[1] for picture in pictures]
        self.starts = np.concatenate([[0], np.cumsum(counts)]).tolist()
        self.pixels = torch.empty((self.starts[-1], pictures[0].shape[2]), dtype=torch.uint8, device=device)
        for start, picture in zip(self.starts, pictures, strict=False):
            flat_picture = torch.from_numpy(picture.reshape(-1, picture.shape[2]).copy())
            self.pixels[start : start + len(flat_picture)] = flat_picture.to(device)

    def gather(self, plans: Sequence[Plan], *, size: int, step: int) -> Tensor:
        """What ``plan.gather`` makes of the same plans, by index arithmetic: (B, size, size, bands) uint8."""
        rows = [self._origin(plan, size, step) for plan in plans]
        origin, down, right = torch.tensor(rows, dtype=torch.int64).to(self.device).unbind(1)
        side = torch.arange(size, device=self.device)
        index = origin[:, None, None] + down[:, None, None] * side[:, None] + right[:, None, None] * side
        crops = self.pixels[index.reshape(-1)].reshape(len(plans), size, size, -1)
        if all(plan.order is None for plan in plans):
            return crops
        straight = tuple(range(crops.shape[-1]))
        orders = torch.tensor([plan.order or straight for plan in plans], device=self.device)
        return crops.gather(3, orders[:, None, None, :].expand_as(crops))

    def _origin(self, plan: Plan, size: int, step: int) -> tuple[int, int, int]:
        """The pixel at the turned crop's top left corner, and how far on the pixels below and to the right lie.

        ``turn`` mirrors first and then turns, so output (i, j) is looked up through the quarter turns and then the
        mirror.
        """
        width = self.widths[plan.picture]
        end = size - 1
        corner, down, right = _QUARTERS[plan.turn % 4]
        y0, x0 = corner[0] * end, corner[1] * end
        (dy, dx), (ry, rx) = down, right
        if plan.turn >= 4:
            x0, dx, rx = end - x0, -dx, -rx
        start = self.starts[plan.picture] + (plan.top * step + y0) * width + plan.left * step + x0
        return start, dy * width + dx, ry * width + rx


_Step = tuple[int, int]
# per quarter turn anticlockwise: the corner that becomes top left, and the steps that become down and right
_QUARTERS: tuple[tuple[_Step, _Step, _Step], ...] = (
    ((0, 0), (1, 0), (0, 1)),
    ((0, 1), (0, -1), (1, 0)),
    ((1, 1), (-1, 0), (0, -1)),
    ((1, 0), (0, 1), (-1, 0)),
)


def _checked_device(name: str) -> torch.device:
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise BadRequest(f"device {name!r} cannot be used ({reason}); use cpu, or leave DeviceData out") from None
    return device


def _check_room(device: torch.device, wanted: int) -> None:
    if device.type != "cuda":
        return
    free, _ = torch.cuda.mem_get_info(device)
    if wanted > free:
        raise BadRequest(
            f"the pictures take {wanted / 2**30:.1f} GiB and {device} has {free / 2**30:.1f} GiB free; "
            "leave DeviceData out, or train on fewer pictures"
        )
