"""Two folders whose pictures belong together by their names."""

import re
from collections.abc import Sequence
from typing import Any

import numpy.typing as npt

from superres.data.pictures import Pictures
from superres.types import BadInput

Array = npt.NDArray[Any]
_ENDING = re.compile(r"(?i)(?:[_\-. ]*(?:(?:LR|HR|GT)(?:bicubic)?[x_\-]?[1-9]?|x[1-9]|SRF[_\-]?[1-9])|(?<=\d)[LH])$")
_SHOWN = 5


def pair_key(name: str) -> str:
    """What two names must share: the stem without endings that tell scale or side.

    Taken off, as often as they come and in any case: ``x4``, ``_x4``, ``LR``, ``_LR4``, ``LRx4``, ``_HR``, ``_GT``,
    ``_SRF_4``, and ``L`` or ``H`` behind a digit. Folders do not count.
    """
    stem = name.rsplit("/", 1)[-1].rsplit(".", 1)[0]
    while True:
        shorter = _ENDING.sub("", stem)
        if not shorter or shorter == stem:
            return stem
        stem = shorter


class Paired:
    """The low-resolution partner of each high-resolution picture, in the order of ``hr``.

    ``enlarged`` is for low-resolution pictures that have the size of the result already. Equal stems pair first;
    what is left pairs by :func:`pair_key`. Raises: BadInput for missing or ambiguous partners and for sizes that do
    not fit, naming the files and folders.
    """

    def __init__(self, hr: Pictures, lr: Pictures, *, scale: int, enlarged: bool = False) -> None:
        self.names, self.scale, self._lr = hr.names, scale, lr
        self._partner = _partners(hr, lr)
        self.shapes = tuple(lr.shapes[index] for index in self._partner)
        factor = 1 if enlarged else scale
        for index, partner in enumerate(self._partner):
            _check_sizes(hr, lr, index, partner, factor, scale)

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> Array:
        return self._lr[self._partner[index]]


def _partners(hr: Pictures, lr: Pictures) -> list[int]:
    exact, near = _by_key(lr, _stem), _by_key(lr, pair_key)
    _by_key(hr, _stem, keep_all=True)
    found: list[int | None] = []
    for name in hr.names:
        same = exact.get(_stem(name)) or near.get(pair_key(name)) or []
        if len(same) > 1:
            both = " and ".join(str(lr.path(index)) for index in same[:2])
            raise BadInput(f"{name} of {_where(hr)} has several partners: {both}; keep one, or name them apart")
        found.append(same[0] if same else None)
    missing = [name for name, partner in zip(hr.names, found, strict=True) if partner is None]
    unused = sorted(set(range(len(lr))) - {partner for partner in found if partner is not None})
    if missing or unused:
        raise _missing(hr, lr, missing, [lr.names[index] for index in unused])
    partners = [partner for partner in found if partner is not None]
    if len(set(partners)) != len(partners):
        twice = next(one for one in partners if partners.count(one) > 1)
        both = " and ".join(hr.names[k] for k, one in enumerate(partners) if one == twice)
        raise BadInput(f"{both} of {_where(hr)} have one partner only: {lr.path(twice)}; name them apart")
    return partners


def _by_key(pictures: Pictures, key: Any, *, keep_all: bool = False) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for index, name in enumerate(pictures.names):
        found.setdefault(key(name), []).append(index)
    if keep_all:
        for same in found.values():
            if len(same) > 1:
                both = " and ".join(str(pictures.path(index)) for index in same[:2])
                raise BadInput(f"{both} have one stem, so no partner can be told for either; rename one")
    return found


def _stem(name: str) -> str:
    return name.rsplit("/", 1)[-1].rsplit(".", 1)[0]


def _missing(hr: Pictures, lr: Pictures, missing: Sequence[str], unused: Sequence[str]) -> BadInput:
    parts: list[str] = []
    if missing:
        parts.append(
            f"{len(missing)} of {len(hr)} pictures of {_where(hr)} have no partner in {_where(lr)}: {_few(missing)}"
        )
    if unused:
        parts.append(f"{len(unused)} of {len(lr)} pictures of {_where(lr)} have none in {_where(hr)}: {_few(unused)}")
    return BadInput("; ".join(parts) + "; partners have the same stem, or one that differs by an ending like x4 or _LR")


def _few(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def _where(pictures: Pictures) -> str:
    return ", ".join(str(folder) for folder in pictures.folders)


def _check_sizes(hr: Pictures, lr: Pictures, index: int, partner: int, factor: int, scale: int) -> None:
    (height, width, _), (low, narrow, _) = hr.shapes[index], lr.shapes[partner]
    if (height // factor, width // factor) == (low, narrow):
        return
    hint = ""
    if factor > 1 and (height, width) == (low, narrow):
        hint = "; they are of one size: for input that was enlarged beforehand give enlarge='given'"
    raise BadInput(
        f"the pair {hr.path(index)} ({width} x {height}) and {lr.path(partner)} ({narrow} x {low}) does not fit at "
        f"x{scale}: the low-resolution one should be {width // factor} x {height // factor} "
        f"(folders {_where(hr)} and {_where(lr)}){hint}"
    )
