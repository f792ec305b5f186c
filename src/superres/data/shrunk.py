"""MATLAB's bicubic reduction of whole pictures, made once and kept like the pictures themselves.

Reducing a patch alone would be wrong at its border: there the kernel would see the clamped edge of the patch in place
of the picture's next pixels.
"""

from typing import Any, Literal

import numpy.typing as npt

from superres.data.cache import Made
from superres.data.pictures import Pictures
from superres.data.store import Store
from superres.images.resize import imresize
from superres.terms.plain import Plain

Array = npt.NDArray[Any]
Then = Literal["small", "enlarged"]


class Shrunk:
    """Each picture cropped to a multiple of ``scale`` and reduced by it: ``imresize(hr, 1 / scale)``.

    ``then="enlarged"`` brings it back to its size with ``imresize`` as well, as networks want it that work at the
    size of the result. Rounded to the picture's own kind after each pass, as MATLAB does and as files hold it.
    """

    def __init__(self, pictures: Pictures, *, scale: int, then: Then = "small") -> None:
        self.names, self.scale, self._then, self._of = pictures.names, scale, then, pictures
        made_from: Plain = {"what": f"{then} 1", "scale": scale, "of": pictures.made_from}
        shapes = [(h // scale, w // scale, b) for h, w, b in pictures.shapes]
        if then == "enlarged":
            shapes = [(h * scale, w * scale, b) for h, w, b in shapes]
        self._store = Store(
            pictures.names,
            self._made,
            keep=pictures.kept,
            made_from=made_from,
            file=pictures.cache_dir / f"{pictures.folders[0].name}-{pictures.key}-{then}-x{scale}.pictures",
            shapes=lambda: shapes,
        )
        self.shapes = tuple(shapes)

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> Array:
        return self._store[index]

    def _made(self, index: int) -> Made:
        s = self.scale
        hr = self._of[index]
        if min(hr.shape[:2]) < s:  # no patch fits into it, so it is never asked for
            return Made(self.names[index], hr[:1, :1].copy(), {})
        small = imresize(hr[: hr.shape[0] // s * s, : hr.shape[1] // s * s], 1 / s)
        return Made(self.names[index], small if self._then == "small" else imresize(small, s), {})
