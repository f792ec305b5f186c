"""The ancestor: super-resolution by a dictionary of patches.

Yang, Wright, Huang and Ma 2010 code a low-resolution patch as a few atoms of a dictionary and put the same few atoms of
a second one in its place. Zeyde, Elad and Protter 2010 give it its usual form: gradients of the bicubic picture, PCA,
orthogonal matching pursuit (``solver="omp"``). Timofte, De Smet and Van Gool 2013 replace the pursuit by one matrix for
each atom, made beforehand in closed form (``solver="anr"``, anchored neighbourhood regression). SRCNN (Dong et al.
2014) was presented as this chain learnt as a whole: docs/sparse_coding.md compares them. NumPy only.
"""

from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load

from superres.runtime.baselines import Bicubic
from superres.runtime.ensemble import LumaOnly
from superres.types import BadModel, BadRequest, Tile

Floats = npt.NDArray[np.float32]
DICTIONARIES = Path(__file__).parent / "dictionaries"
SIDE = 3  # of a patch, in low-resolution pixels; neighbours are one apart, so nine of them cover every pixel
_RIM = 5  # low-resolution pixels around a place that it depends on: 2 bicubic, 1 gradients, 1 patch, 1 overlap
_CHUNK = 4096  # patches coded at once


class SparseCoding:
    """(B, C, H, W) float32 in [0, 1] -> (B, C, scale * H, scale * W): the luma of colour, other bands each for itself.

    Args:
        solver: ``omp`` codes with ``atoms`` atoms (Zeyde et al.); ``anr`` regresses on the ``neighbours`` of the
            nearest atom with a ridge of ``ridge`` (Timofte et al., equation 9).
        file: dictionaries of ``superres.recipes.sparse_coding``; those in the package (T91) when not given.
    Raises BadModel for a file that holds no dictionaries or those of another scale.
    """

    halo = _RIM

    def __init__(
        self,
        *,
        scale: int,
        solver: Literal["omp", "anr"] = "omp",
        atoms: int = 3,
        neighbours: int = 40,
        ridge: float = 0.01,
        file: str | None = None,
    ) -> None:
        if solver not in ("omp", "anr"):
            raise BadRequest(f"solver {solver!r} is not known; use omp or anr")
        self.scale, self._solver, self._atoms = scale, solver, atoms
        self._components, self._low, self._high = _read(file, scale)
        if not 1 <= atoms <= min(self._low.shape) or not 1 <= neighbours <= len(self._low):
            raise BadRequest(f"{atoms} atoms, {neighbours} neighbours of a dictionary of {len(self._low)}; take fewer")
        self._bicubic = Bicubic(scale)
        self._colour = LumaOnly(_Planes(self), self._bicubic)
        self._regressors = regressors(self._low, self._high, neighbours, ridge) if solver == "anr" else None

    def __call__(self, tile: Tile) -> Tile:
        x = np.asarray(tile, dtype=np.float32)
        return self._colour(x) if x.shape[1] == 3 else _Planes(self)(x)

    def plane(self, x: Floats) -> Floats:
        """(H, W) -> (scale * H, scale * W)."""
        wide = np.pad(x, _RIM, mode="edge")
        middle = self._bicubic(wide[None, None])[0, 0]
        features = patches(gradients(middle, self.scale), self.scale) @ self._components.T
        # the rim's own patches are left out but for those that overlap the picture
        high, wide_ = x.shape[0] + 2, x.shape[1] + 2
        count = (wide.shape[0] - SIDE + 1, wide.shape[1] - SIDE + 1)
        first = (count[0] - high) // 2
        features = features.reshape(*count, -1)[first : first + high, first : first + wide_].reshape(high * wide_, -1)
        details = np.concatenate([self._details(part) for part in _chunks(features)])
        cut = _RIM * self.scale
        return middle[cut:-cut, cut:-cut] + overlapped(details.reshape(high, wide_, -1), self.scale)

    def _details(self, y: Floats) -> Floats:
        """Features (N, d) -> patches of what bicubic lacks, (N, (3 * scale)^2)."""
        if self._regressors is None:
            chosen, weights = pursuit(y, self._low, self._atoms)
            return np.einsum("na,nap->np", weights, self._high[chosen])
        anchors = np.abs(y @ self._low.T).argmax(axis=1)
        out = np.empty((len(y), self._high.shape[1]), np.float32)
        for anchor in np.unique(anchors):
            mine = anchors == anchor
            out[mine] = y[mine] @ self._regressors[anchor].T
        return out


class _Planes:
    """Every band of every picture for itself."""

    def __init__(self, coding: SparseCoding) -> None:
        self._coding, self.scale, self.halo = coding, coding.scale, coding.halo

    def __call__(self, tile: Tile) -> Tile:
        return np.stack([np.stack([self._coding.plane(band) for band in picture]) for picture in tile])


def gradients(x: Floats, scale: int) -> Floats:
    """(H, W) bicubic picture -> (4, H, W): first and second differences along both axes, about a small pixel wide."""
    near, far = (scale + 1) // 2, scale
    first = [_shifted(x, near, axis) - _shifted(x, -near, axis) for axis in (0, 1)]
    second = [_shifted(x, far, axis) / 2 - x + _shifted(x, -far, axis) / 2 for axis in (0, 1)]
    return np.stack(first + second)


def _shifted(x: Floats, by: int, axis: int) -> Floats:
    """``x`` at the places ``by`` further along the axis, edges clamped."""
    size = int(x.shape[axis])
    return np.take(x, np.clip(np.arange(size) + by, 0, size - 1), axis=axis)


def patches(maps: Floats, scale: int) -> Floats:
    """(M, scale * H, scale * W) -> ((H - 2) * (W - 2), M * (3 * scale)^2): every patch, low-resolution pixels apart."""
    side = SIDE * scale
    windows = np.lib.stride_tricks.sliding_window_view(maps, (side, side), axis=(1, 2))[:, ::scale, ::scale]
    return np.ascontiguousarray(windows.transpose(1, 2, 0, 3, 4)).reshape(windows.shape[1] * windows.shape[2], -1)


def overlapped(details: Floats, scale: int) -> Floats:
    """(H + 2, W + 2, (3 * scale)^2) patches -> (scale * H, scale * W): the mean of the nine that cover each pixel.

    Each of the nine gives the block of its patch that lies there: a 3x3 convolution of fixed weights of one ninth from
    9 * scale^2 channels to scale^2, followed by a pixel shuffle.
    """
    high, wide = details.shape[0] - 2, details.shape[1] - 2
    blocks = details.reshape(*details.shape[:2], SIDE, scale, SIDE, scale)
    total = np.zeros((high, wide, scale, scale), np.float32)
    for a in range(SIDE):
        for b in range(SIDE):
            total += blocks[2 - a : 2 - a + high, 2 - b : 2 - b + wide, a, :, b, :]
    return (total / np.float32(SIDE * SIDE)).transpose(0, 2, 1, 3).reshape(scale * high, scale * wide)


def pursuit(y: Floats, atoms: Floats, count: int) -> tuple[npt.NDArray[np.intp], Floats]:
    """Orthogonal matching pursuit of (N, d) over unit atoms (K, d): chosen (N, count) and their weights."""
    gram, first, left = atoms @ atoms.T, y @ atoms.T, y
    rows = np.arange(len(y))[:, None]
    chosen = np.zeros((len(y), 0), np.intp)
    weights: Floats = np.zeros((len(y), 0), np.float32)
    for k in range(count):
        best = np.abs(left @ atoms.T) if k else np.abs(first)
        np.put_along_axis(best, chosen, -1.0, axis=1)
        chosen = np.concatenate([chosen, best.argmax(axis=1)[:, None]], axis=1)
        small = gram[chosen[:, :, None], chosen[:, None, :]].astype(np.float64) + 1e-9 * np.eye(k + 1)
        weights = np.linalg.solve(small, first[rows, chosen][..., None].astype(np.float64))[..., 0].astype(np.float32)
        if k + 1 < count:
            left = y - np.einsum("na,nad->nd", weights, atoms[chosen])
    return chosen, weights


def regressors(low: Floats, high: Floats, neighbours: int, ridge: float) -> Floats:
    """For each atom the matrix (patch, d) that maps features to details by ridge regression on its neighbourhood.

    With all atoms as neighbours there is one matrix for all, the paper's global regression.
    """
    if neighbours == len(low):
        return np.broadcast_to(_ridge(low, high, ridge), (len(low), high.shape[1], low.shape[1]))
    near = np.argsort(-np.abs(low @ low.T), axis=1, kind="stable")[:, :neighbours]
    made = np.empty((len(low), high.shape[1], low.shape[1]), np.float32)
    for k, mine in enumerate(near):
        made[k] = _ridge(low[mine], high[mine], ridge)
    return made


def _ridge(low: Floats, high: Floats, ridge: float) -> Floats:
    """(K, d) and (K, patch) -> high' (low low' + ridge)^-1 low, (patch, d)."""
    here = low.astype(np.float64)
    return (high.T @ np.linalg.solve(here @ here.T + ridge * np.eye(len(here)), here)).astype(np.float32)


def _chunks(x: Floats) -> list[Floats]:
    return [x[start : start + _CHUNK] for start in range(0, len(x), _CHUNK)]


def _read(file: str | None, scale: int) -> tuple[Floats, Floats, Floats]:
    """PCA (d, 4 * patch), low (K, d) and high (K, patch), checked."""
    path = Path(file) if file is not None else DICTIONARIES / f"t91-x{scale}.safetensors"
    if file is None and not path.is_file():
        raise BadRequest(f"the package holds no dictionaries for scale {scale}, only for 2, 3 and 4; give file=")
    try:
        held: dict[str, Any] = load(path.read_bytes())
    except (OSError, SafetensorError) as error:
        raise BadModel(f"{path}: the dictionaries cannot be read ({error})") from error
    if set(held) != {"components", "low", "high"} or any(one.ndim != 2 for one in held.values()):
        raise BadModel(f"{path}: holds {', '.join(sorted(held))}; wanted matrices components, low and high")
    parts, low, high = (np.asarray(held[key], np.float32) for key in ("components", "low", "high"))
    patch = (SIDE * scale) ** 2
    if (parts.shape[1], high.shape) != (4 * patch, (len(low), patch)) or parts.shape[0] != low.shape[1]:
        raise BadModel(f"{path}: its matrices are not of scale {scale}; give the file of that scale")
    return parts, low, high
