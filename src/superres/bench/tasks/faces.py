"""Finding faces: how many of those found in the true picture are found in the others, on a user's pictures."""

from functools import cache
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from superres.bench.tasks import Scene, Task
from superres.types import Array, EngineUnavailable

_WINDOW = 24  # pixels: the smallest face that the cascade knows
_STEP = 1.2  # from one size of face to the next
_SAME = 0.4  # boxes that share so much of their union are one face
Boxes = npt.NDArray[np.float64]


def task() -> Task:
    """Faces found by scikit-image's cascade of local binary patterns (OpenCV's, BSD)."""
    return Task(
        "faces",
        judge,
        {"detected": "higher", "recall": "higher"},
        note="detector: scikit-image's LBP cascade, frontal faces of 24 pixels and more; recall is of the faces that "
        "it finds in the true picture, and of no account where it finds none",
    )


def judge(picture: Array, scene: Scene) -> dict[str, float]:
    """Whether any face is found, how many, and the share of the true picture's faces that are among them."""
    found, wanted = find(picture), _of_original(scene)
    matched = [bool((_overlaps(one, found) >= _SAME).any()) for one in wanted]
    recall = sum(matched) / len(matched) if matched else float("nan")
    return {"detected": float(len(found) > 0), "recall": recall, "faces": float(len(found))}


def find(picture: Array) -> Boxes:
    """(H, W, 3) uint8 -> (faces, 4): top, left, bottom, right as shares of the picture's height and width."""
    height, width = picture.shape[:2]
    if min(height, width) < _WINDOW:
        return np.zeros((0, 4))
    largest = (min(height, width), min(height, width))
    found = _detector().detect_multi_scale(
        img=picture, scale_factor=_STEP, step_ratio=1, min_size=(_WINDOW, _WINDOW), max_size=largest
    )
    boxes = [(one["r"], one["c"], one["r"] + one["height"], one["c"] + one["width"]) for one in found]
    return _distinct(np.array(boxes, dtype=np.float64).reshape(-1, 4) / (height, width, height, width))


def _distinct(boxes: Boxes) -> Boxes:
    """Each face once, though the cascade may name it at several sizes."""
    kept: list[Boxes] = []
    for box in boxes:
        if not kept or (_overlaps(box, np.array(kept)) < _SAME).all():
            kept.append(box)
    return np.array(kept).reshape(-1, 4)


def _overlaps(box: Boxes, others: Boxes) -> Boxes:
    """The intersection of ``box`` with each other box over their union."""
    if len(others) == 0:
        return np.zeros(0)
    low, high = np.maximum(box[:2], others[:, :2]), np.minimum(box[2:], others[:, 2:])
    shared = np.prod(np.clip(high - low, 0, None), axis=1)
    areas = np.prod(others[:, 2:] - others[:, :2], axis=1) + np.prod(box[2:] - box[:2])
    return shared / (areas - shared)


_LAST: list[tuple[Scene, Boxes]] = []


def _of_original(scene: Scene) -> Boxes:
    """The faces of the true picture, looked for once though every version asks."""
    if not _LAST or _LAST[0][0] is not scene:
        _LAST[:] = [(scene, find(scene.original))]
    return _LAST[0][1]


@cache
def _detector() -> Any:
    try:
        from skimage import data, feature  # pyright: ignore
    except ImportError as error:
        raise EngineUnavailable(
            f"finding faces needs scikit-image ({error}); `pip install 'superres[faces]'`, which carries its cascade"
        ) from error
    return cast(Any, feature).Cascade(cast(Any, data).lbp_frontal_face_cascade_filename())
