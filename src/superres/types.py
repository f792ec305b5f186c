"""The nouns that everything shares: errors, boxes, upscalers and engines. Nothing here imports anything heavy."""

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, runtime_checkable

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Array = npt.NDArray[Any]
    Tile = npt.NDArray[np.float32]
else:  # importing this file must not cost importing NumPy
    Array = Tile = Any


class SuperresError(Exception):
    """Something went wrong that a user can understand: the message says what came, what was wanted, what to do."""

    exit_status = 1


class BadRequest(SuperresError, ValueError):
    """The request itself cannot be met: a wrong flag, size, name or shape."""

    exit_status = 2


class BadInput(SuperresError):
    """A picture cannot be read: missing, empty, truncated, not a picture, or far larger than allowed."""

    exit_status = 3


class BadModel(SuperresError):
    """A model file cannot be used: unknown, broken, unsafe, or a fact about it is missing."""

    exit_status = 4


class EngineUnavailable(SuperresError):
    """An engine or device is not there, or was refused because it computed something else than the reference."""

    exit_status = 5


class BadOutput(SuperresError):
    """A result cannot be written or must not be: full disk, a format's limit, a picture that failed its checks."""

    exit_status = 6


class Box(NamedTuple):
    """A rectangle of a picture, in pixels."""

    top: int
    left: int
    height: int
    width: int

    @property
    def bottom(self) -> int:
        return self.top + self.height

    @property
    def right(self) -> int:
        return self.left + self.width


@runtime_checkable
class Upscaler(Protocol):
    """Anything that enlarges: a network on an engine, bicubic, a method fitted to one picture.

    ``halo`` is the number of input pixels around a box that its output depends on; ``None`` means the whole picture.
    """

    @property
    def scale(self) -> int: ...

    @property
    def halo(self) -> int | None: ...

    def __call__(self, tile: "Tile") -> "Tile":
        """(B, C, H, W) float32, nominally in [0, 1] -> (B, C, scale * H, scale * W) float32, not clipped."""
        ...
