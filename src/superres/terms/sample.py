"""What a training or test step is given."""

from collections.abc import MutableMapping
from typing import Any

Sample = MutableMapping[str, Any]
"""Named parts of a batch. The usual ones:

``lr``, ``hr``: (B, C, H, W) float32 in [0, 1]; ``guide``: a registered picture; ``kernel``: (B, 1, k, k);
``name``: a list of B strings. Others may be added by whoever makes and reads them; the training loop reads none.
"""
