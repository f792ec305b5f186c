"""Random patches of pictures: the crop is decided first, only the patch is converted.

Every choice is a function of (seed, epoch, index), so a run that was stopped goes on with the very batches that it
would have seen, and each process or accumulation step may ask for its share alone.
"""

import logging
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from superres.data.augment import Augment, cutblur, mix
from superres.data.leakage import refuse_test_pictures
from superres.data.pairs import Paired
from superres.data.pictures import Folders, Pictures, same_bands
from superres.data.plan import Plan, Shelf, draw_cutblur, draw_mixed, draw_plan, flat, gather
from superres.data.shrunk import Shrunk
from superres.data.stream import batch_stream, checked_seed, order, share, stream
from superres.terms.degradation import Degradation
from superres.terms.plain import Plain
from superres.terms.sample import Sample
from superres.types import BadInput, BadRequest

log = logging.getLogger("superres.data")
Enlarge = Literal["none", "nearest", "bicubic", "given"]
_PLAIN = Augment()


class Patches:
    """Batches of ``lr`` and ``hr`` patches: a Source for supervised training.

    Args:
        hr: pictures, or the folders or known sets they come from (then looked for under ``root``).
        scale: how many times smaller the input is; of several, each batch takes one, and tells it as ``scale``.
        patch: side of the high-resolution patch in pixels, a multiple of the scale.
        batch: samples a step.
        lr: the folder of low-resolution partners, matched by name.
        degradation: makes the input from the patch, one for each scale. Without it and without ``lr`` the input is
            MATLAB's bicubic reduction of the whole picture, made once.
        enlarge: input of the size of the result: each pixel repeated (``nearest``), through ``imresize``
            (``bicubic``; not with a degradation, which brings its own), or as the files of ``lr`` are (``given``).
        margin: by how many low-resolution pixels the crop that is degraded is larger; the patch is cut out of it at a
            drawn place, so that a codec's block grid and a blur's border do not always fall on the patch's own border.
        weights: ``equal``, every picture once an epoch in a drawn order; ``area``, drawn anew for each sample, larger
            pictures more often.
        small: ``skip`` leaves out pictures that are smaller than the patch, with a line said, where ``error`` stops.
    Raises: BadRequest, BadInput, one line each.
    """

    def __init__(
        self,
        hr: Folders | Pictures,
        *,
        scale: int | tuple[int, ...],
        patch: int = 192,
        batch: int = 16,
        seed: int = 0,
        lr: Folders | Pictures | None = None,
        degradation: Degradation | tuple[Degradation, ...] | None = None,
        enlarge: Enlarge = "none",
        margin: int = 8,
        augment: Augment = _PLAIN,
        weights: Literal["equal", "area"] = "equal",
        small: Literal["error", "skip"] = "error",
        root: str | Path | None = None,
    ) -> None:
        if weights not in ("equal", "area") or small not in ("error", "skip"):
            raise BadRequest(f"weights={weights!r} is equal or area, small={small!r} is error or skip")
        self.scales = _checked_scales(scale, patch, batch)
        self.patch, self.batch, self.seed, self.augment = patch, batch, checked_seed(seed), augment
        self.enlarge, self._weights = enlarge, weights
        self._degradations = _degradations(degradation, self.scales)
        _check_choices(enlarge, augment, self._degradations, lr is not None)
        self.margin = margin if self._degradations else 0
        if margin < 0:
            raise BadRequest(f"margin={margin} is below 0")
        self.hr = hr if isinstance(hr, Pictures) else Pictures(hr, root=root)
        refuse_test_pictures(self.hr)
        partners = lr if lr is None or isinstance(lr, Pictures) else Pictures(lr, root=root)
        self.bands = same_bands(self.hr, *([] if partners is None else [partners]))
        self.low = {s: self._input(s, partners) for s in self.scales}
        self._usable = _usable(self.hr, [(patch // s + self.margin) * s for s in self.scales], small == "skip")
        area = np.array([self.hr.shapes[k][0] * self.hr.shapes[k][1] for k in self._usable], np.float64)
        self._cumulated: npt.NDArray[np.float64] = np.cumsum(area) / area.sum()

    def _input(self, scale: int, partners: Pictures | None) -> Shelf | None:
        """Where the input of a scale is taken from; None where a degradation makes it from the patch."""
        if partners is not None:
            return Paired(self.hr, partners, scale=scale, enlarged=self.enlarge == "given")
        if self._degradations:
            return None
        return Shrunk(self.hr, scale=scale, then="enlarged" if self.enlarge == "bicubic" else "small")

    def facts(self) -> dict[str, Plain]:
        """The pictures' facts, of how many the patches are, and how the patches are taken."""
        return {
            **self.hr.facts(),
            "used": len(self._usable),
            "per_epoch": len(self._usable),
            "batch": self.batch,
            "patch": self.patch,
            "scale": list[Plain](self.scales),
            "seed": self.seed,
        }

    def __call__(self, step: int, part: tuple[int, int] = (0, 1)) -> Sample:
        """One share of a batch; see ``superres.terms.source``."""
        scale, plans = self.plans(step, part)
        everyone, size = flat(plans), self.crop(scale)
        hr = gather(self.hr, everyone, size=size * scale, step=scale)
        low = self.low[scale]
        lr = None
        if low is not None:
            factor = self.factor(scale)
            lr = gather(low, everyone, size=size * scale // factor, step=scale // factor)
        return self.finish(scale, plans, as_tensor(hr), None if lr is None else as_tensor(lr))

    def crop(self, scale: int) -> int:
        """The side of a crop in low-resolution pixels, its margin included."""
        return self.patch // scale + self.margin

    def factor(self, scale: int) -> int:
        """By how much the shelf of inputs is smaller than the pictures: 1 where it holds enlarged ones."""
        return 1 if self.enlarge in ("bicubic", "given") else scale

    def plans(self, step: int, part: tuple[int, int] = (0, 1)) -> tuple[int, list[Plan]]:
        """The scale of a batch, and what is drawn for each sample of a share of it."""
        positions = share(step, self.batch, part)
        scale = self.scales[0]
        if len(self.scales) > 1:
            scale = self.scales[int(batch_stream(self.seed, step).integers(len(self.scales)))]
        count = len(self._usable)
        return scale, [self._plan(scale, *divmod(position, count)) for position in positions]

    def _plan(self, scale: int, epoch: int, index: int) -> Plan:
        rng = stream(self.seed, epoch, index)
        if self._weights == "area":
            picture = self._any_picture(rng)
        else:
            picture = self._usable[int(order(self.seed, epoch, len(self._usable))[index])]
        plan = self._draw(rng, scale, picture)
        left = draw_mixed(rng, self.augment)
        other = None if left is None else self._draw(rng, scale, self._any_picture(rng))
        cut = draw_cutblur(rng, self.augment, self.patch)
        return replace(plan, share=1.0 if left is None else left, other=other, cut=cut)

    def _any_picture(self, rng: np.random.Generator) -> int:
        if self._weights == "area":
            return self._usable[int(np.searchsorted(self._cumulated[:-1], rng.random(), side="right"))]
        return self._usable[int(rng.integers(len(self._usable)))]

    def _draw(self, rng: np.random.Generator, scale: int, picture: int) -> Plan:
        height, width, bands = self.hr.shapes[picture]
        size = self.crop(scale)
        return draw_plan(
            rng,
            picture,
            (height // scale - size, width // scale - size),
            augment=self.augment,
            bands=bands,
            degradation=self._degradations.get(scale),
            margin=self.margin,
        )

    def finish(self, scale: int, plans: Sequence[Plan], hr: Tensor, lr: Tensor | None) -> Sample:
        """From crops (of the plans and of those mixed in) to a sample, on whatever device the crops are."""
        everyone = flat(plans)
        x = to_unit(hr)
        degradation = self._degradations.get(scale)
        if degradation is not None:
            y = degradation.apply(x, [plan.draw or {} for plan in everyone]).clamp(0, 1)
            y = cut_out(y, everyone, self.patch // degradation.scale, scale // degradation.scale)
            x = cut_out(x, everyone, self.patch, scale)
        else:
            assert lr is not None
            y = to_unit(lr)
        if self.enlarge == "nearest":
            y = y.repeat_interleave(scale, 2).repeat_interleave(scale, 3)
        x, y = _blend(plans, x, y)
        names = [self.hr.names[plan.picture] for plan in plans]
        sample: Sample = {"lr": last(y), "hr": last(x), "name": names}
        if len(self.scales) > 1:
            sample["scale"] = scale
        return sample


def as_tensor(crops: "npt.NDArray[Any]") -> Tensor:
    """Crops as a tensor; 16 bits, which PyTorch knows half of, become float32, which holds them exactly."""
    return torch.from_numpy(crops if crops.dtype == np.uint8 else crops.astype(np.float32))


def to_unit(crops: Tensor) -> Tensor:
    """(B, H, W, bands) samples -> (B, bands, H, W) float32 in [0, 1], channels-last."""
    white = 255 if crops.dtype == torch.uint8 else 65535
    return crops.to(torch.float32).div_(white).permute(0, 3, 1, 2)


def last(x: Tensor) -> Tensor:
    """The same, channels-last."""
    return x.contiguous(memory_format=torch.channels_last)


def cut_out(x: Tensor, plans: Sequence[Plan], size: int, step: int) -> Tensor:
    """The patches inside the degraded crops, each at its own place."""
    if x.shape[-1] == size:
        return x
    corners = [(plan.shift[0] * step, plan.shift[1] * step) for plan in plans]
    return torch.stack([one[:, i : i + size, j : j + size] for one, (i, j) in zip(x, corners, strict=True)])


def _blend(plans: Sequence[Plan], x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    count = len(plans)
    if not any(plan.other is not None or plan.cut is not None for plan in plans):
        return x, y
    others = iter(range(count, len(x)))
    xs, ys = list(x[:count]), list(y[:count])
    for k, plan in enumerate(plans):
        if plan.other is not None:
            other = next(others)
            xs[k], ys[k] = mix(xs[k], x[other], plan.share), mix(ys[k], y[other], plan.share)
        if plan.cut is not None:
            ys[k] = cutblur(ys[k], xs[k], plan.cut)
    return torch.stack(xs), torch.stack(ys)


def _checked_scales(scale: int | tuple[int, ...], patch: int, batch: int) -> tuple[int, ...]:
    scales = (scale,) if isinstance(scale, int) else tuple(scale)
    if not scales or min(scales) < 1 or len(set(scales)) != len(scales):
        raise BadRequest(f"scale={scale!r} is no whole number above 0, nor several different ones")
    if batch < 1:
        raise BadRequest(f"batch={batch} is below 1")
    step = math.lcm(*scales)
    if patch < 1 or patch % step:
        near = max(step, round(patch / step) * step)
        raise BadRequest(
            f"patch={patch} is no multiple of {step}, as x{', x'.join(map(str, scales))} needs; take {near}"
        )
    return scales


def _degradations(given: Degradation | tuple[Degradation, ...] | None, scales: Sequence[int]) -> dict[int, Degradation]:
    if given is None:
        return {}
    several = given if isinstance(given, tuple) else (given,)
    if len(several) != len(scales):
        raise BadRequest(f"{len(several)} degradation(s) for {len(scales)} scale(s); give one for each, in a tuple")
    for one, scale in zip(several, scales, strict=True):
        if one.scale not in (1, scale):
            raise BadRequest(f"the degradation reduces by {one.scale}, the patches want {scale}; give both one scale")
    return dict(zip(scales, several, strict=True))


def _check_choices(enlarge: str, augment: Augment, degradations: dict[int, Degradation], paired: bool) -> None:
    if enlarge not in get_args(Enlarge):
        raise BadRequest(f"enlarge={enlarge!r} is not known; use one of {', '.join(get_args(Enlarge))}")
    if paired and degradations:
        raise BadRequest("lr and degradation are both given; take the low-resolution pictures from one of them")
    if enlarge == "given" and not paired:
        raise BadRequest("enlarge='given' is for a folder of enlarged low-resolution pictures; name it as lr")
    if enlarge == "bicubic" and (paired or degradations):
        raise BadRequest(
            "enlarge='bicubic' is for MATLAB's bicubic input alone; enlarge inside the degradation instead"
        )
    same_size = all(one.scale == 1 for one in degradations.values()) if degradations else enlarge != "none"
    if enlarge == "nearest" and degradations and same_size:
        raise BadRequest("enlarge='nearest': the degradation gives input of the size of the result already")
    if augment.cutblur and not (same_size or enlarge == "nearest"):
        raise BadRequest(
            "CutBlur exchanges parts of input and target, so both must have one size: give enlarge='nearest' (the "
            "paper's way; the network then begins with a pixel-unshuffle)"
        )


def _usable(hr: Pictures, sides: Sequence[int], skip: bool) -> list[int]:
    """The pictures that a crop of every scale fits into."""
    least = max(sides)
    usable = [k for k, shape in enumerate(hr.shapes) if min(shape[:2]) >= least]
    if len(usable) == len(hr):
        return usable
    names = [f"{hr.names[k]} ({s[1]} x {s[0]})" for k, s in enumerate(hr.shapes) if min(s[:2]) < least]
    few = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
    what = f"{len(names)} of {len(hr)} pictures are smaller than the {least} x {least} pixels of a crop: {few}"
    if not skip:
        raise BadInput(f"{what}; take a smaller patch, or leave them out with small='skip'")
    if not usable:
        raise BadInput(f"{what}; take a smaller patch, or larger pictures")
    log.warning("left out: %s", what)
    return usable
