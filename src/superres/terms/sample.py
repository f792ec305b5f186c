"""What a training or test step is given."""

from collections.abc import MutableMapping
from typing import Any

from torch import Tensor

from superres.types import BadRequest

Sample = MutableMapping[str, Any]
"""Named parts of a batch. The usual ones:

``lr``, ``hr``: (B, C, H, W) float32 in [0, 1]; ``guide``: a registered picture; ``kernel``: (B, 1, k, k);
``name``: a list of B strings. Others may be added by whoever makes and reads them; the training loop reads none.
"""


def check_result(result: Tensor, target: Tensor) -> None:
    """BadRequest where a network's result has another shape than what it is compared with."""
    if result.shape != target.shape:
        raise BadRequest(
            f"the network makes {tuple(result.shape)}, the data want {tuple(target.shape)}; scale and channels of "
            "network and data must agree"
        )
