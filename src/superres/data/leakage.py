"""Whether pictures that one tests with are among those that one trains on."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from superres.data.fingerprints import TEST_PICTURES
from superres.data.pictures import Pictures
from superres.data.sets import SETS
from superres.images.resize import imresize
from superres.types import BadRequest

Array = npt.NDArray[Any]
_THUMB = 16
_ALIKE = 0.02


@dataclass(frozen=True)
class Leak:
    """A training picture that is a test picture: the same samples, or only alike (another format, size, or turn)."""

    training: str
    test: str
    same: bool


def refuse_test_pictures(pictures: Pictures) -> None:
    """Raise BadRequest where a set of the role ``test`` is trained on, by its name or by what its pictures show.

    Pictures are compared by hash with the Set5, Set14 and BSD100 that everybody tests with; with ``cache="none"`` they
    are not decoded for it, and only names are looked at. :func:`leaks` compares with any folder.
    """
    for name in pictures.sets:
        if SETS[name].role == "test":
            raise BadRequest(f"{SETS[name].title} is a test set; nothing may be trained on it. Name a training set")
    if pictures.kept == "none":
        return
    for name, print_ in zip(pictures.names, pictures.fingerprints, strict=True):
        known = TEST_PICTURES.get(print_[:16])
        if known is not None:
            raise BadRequest(
                f"{name} of {pictures.folders[0]} is a picture of the test set {SETS[known].title}; "
                "nothing may be trained on it: take it out of the training folder"
            )


def leaks(training: Pictures, test: Pictures) -> list[Leak]:
    """Test pictures among the training pictures: first those with the very samples, then those that look alike.

    Alike: thumbnails of 16 x 16 luma, each at zero mean and unit deviation, differ by less than 0.02 on average in
    one of the eight turns; so copies in another format, of another size, or turned are found; crops are not.
    """
    known = {one: name for name, one in zip(test.names, test.fingerprints, strict=True)}
    found = [
        Leak(name, known[one], same=True)
        for name, one in zip(training.names, training.fingerprints, strict=True)
        if one in known
    ]
    same = {leak.training for leak in found}
    thumbs = np.stack([turned for k in range(len(test)) for turned in _eight(_thumb(test[k]))])
    for index, name in enumerate(training.names):
        distance = np.abs(thumbs - _thumb(training[index])).mean(axis=(1, 2))
        nearest = int(distance.argmin())
        if name not in same and distance[nearest] < _ALIKE:
            found.append(Leak(name, test.names[nearest // 8], same=False))
    return found


def _thumb(x: Array) -> Array:
    gray = x.mean(axis=2) if x.shape[2] != 3 else x @ np.array([0.299, 0.587, 0.114])
    small = imresize(gray.astype(np.float64), size=(_THUMB, _THUMB))
    return (small - small.mean()) / max(float(small.std()), 1e-6)


def _eight(x: Array) -> list[Array]:
    return [np.rot90(y, k) for y in (x, x[:, ::-1]) for k in range(4)]
