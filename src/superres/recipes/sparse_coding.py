"""The dictionaries of :class:`superres.methods.sparse_coding.SparseCoding`, made from a folder of pictures.

    python -m superres.recipes.sparse_coding 3 --data T91 --out t91-x3.safetensors

PCA keeps 99.9 % of the features' energy (Zeyde et al. 2010). 1024 atoms are first put at the centres that k-means of
scikit-learn finds, then improved by pursuit and least squares in turns (Engan et al. 1999, the method of optimal
directions). High-resolution atoms are the least-squares answer to the same codes. Takes a minute or two.
"""

import argparse
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
from safetensors.numpy import save

from superres.images.read import read_rgb8
from superres.images.resize import imresize
from superres.methods.sparse_coding import Floats, gradients, patches, pursuit
from superres.runtime.baselines import Bicubic
from superres.types import BadRequest

Doubles = npt.NDArray[np.float64]
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)
_ENDINGS = (".png", ".jpg", ".jpeg", ".bmp")


def samples(folder: Path, scale: int, most: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """(N, 4 * patch) features and (N, patch) of what bicubic lacks, from the luma of every picture in a folder."""
    found = sorted(path for path in folder.iterdir() if path.suffix.lower() in _ENDINGS)
    if not found:
        raise BadRequest(f"{folder} holds no pictures ({', '.join(_ENDINGS)}); name the folder of T91")
    features: list[Floats] = []
    details: list[Floats] = []
    for path in found:
        rgb = read_rgb8(path)
        high, wide = (side // scale * scale for side in rgb.shape[:2])
        hr: Floats = (rgb[:high, :wide].astype(np.float32) @ _LUMA / 255).astype(np.float32)
        lr: Floats = np.round(imresize(hr, 1 / scale) * 255).astype(np.float32) / np.float32(255)
        middle = Bicubic(scale)(lr[None, None])[0, 0]
        inner = np.s_[2 * scale : -2 * scale, 2 * scale : -2 * scale]  # away from clamped edges
        x = patches(gradients(middle, scale)[(slice(None), *inner)], scale)
        y = patches((hr - middle)[None][(slice(None), *inner)], scale)
        share = rng.permutation(len(x))[: -(-most // len(found))]
        features.append(x[share])
        details.append(y[share])
    x, y = np.concatenate(features), np.concatenate(details)
    kept = (x**2).sum(axis=1) > 1e-4  # flat patches say nothing
    return x[kept], y[kept]


def components(x: Floats, energy: float = 0.999) -> Floats:
    """The leading directions (d, n) of (N, n) that hold this share of the energy; no mean is taken off."""
    values, vectors = np.linalg.eigh((x.T @ x).astype(np.float64))
    values, vectors = values[::-1], vectors[:, ::-1]
    count = int(np.searchsorted(np.cumsum(values) / values.sum(), energy)) + 1
    return np.ascontiguousarray(vectors[:, :count].T, np.float32)


def dictionary(y: Floats, atoms: int, rounds: int, seed: int) -> Floats:
    """Unit atoms (K, d) that code (N, d) with three of them at a time."""
    from sklearn.cluster import MiniBatchKMeans

    unit = y / np.linalg.norm(y, axis=1, keepdims=True)
    unit *= np.where(unit[:, :1] < 0, -1, 1)  # an atom serves both signs
    kmeans: Any = MiniBatchKMeans
    means = kmeans(atoms, random_state=seed, batch_size=4096, n_init=1, max_iter=20).fit(unit)
    low = _normalised(cast(Floats, means.cluster_centers_).astype(np.float32))
    for _ in range(rounds):
        low = _normalised(_refit(y, low, y))
    return low


def _normalised(x: Floats) -> Floats:
    return x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-6)


def _refit(y: Floats, low: Floats, target: Floats) -> Floats:
    """The atoms (K, n) that, with the codes of ``y`` over ``low``, come nearest to ``target`` (N, n)."""
    from scipy.sparse import csr_matrix

    found = [pursuit(y[start : start + 8192], low, 3) for start in range(0, len(y), 8192)]
    chosen, weights = (np.concatenate(parts) for parts in zip(*found, strict=True))
    rows = np.arange(0, chosen.size + 1, int(chosen.shape[1]))
    sparse: Any = csr_matrix
    codes = sparse((weights.ravel().astype(np.float64), chosen.ravel(), rows), shape=(len(y), len(low)))
    gram, cross = cast(Doubles, (codes.T @ codes).toarray()), cast(Doubles, codes.T @ target)
    unused = np.flatnonzero(np.diag(gram) < 1e-9)
    solve: Any = np.linalg.solve
    made = cast(Doubles, solve(gram + 1e-6 * np.trace(gram) / len(low) * np.eye(len(low)), cross))
    if target is y:
        made[unused] = low[unused]
    return made.astype(np.float32)


def make(
    folder: Path, scale: int, *, atoms: int = 1024, most: int = 60_000, rounds: int = 12, seed: int = 0
) -> dict[str, Floats]:
    """The three matrices that a dictionary file holds."""
    x, details = samples(folder, scale, most, np.random.default_rng(seed))
    parts = components(x)
    y = x @ parts.T
    low = dictionary(y, atoms, rounds, seed)
    return {"components": parts, "low": low, "high": _refit(y, low, details)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scale", type=int, choices=[2, 3, 4])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    beside = given.out.with_name(given.out.name + ".part")
    beside.write_bytes(save(make(given.data, given.scale, seed=given.seed)))
    beside.replace(given.out)


if __name__ == "__main__":
    main()
