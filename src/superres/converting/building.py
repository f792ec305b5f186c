"""A network filled with weights that are there already: nothing is drawn, and no more memory taken than they fit."""

import re
from collections.abc import Mapping
from typing import Any, cast

from torch import nn
from torch.overrides import TorchFunctionMode

from superres.converting.family import State, Unfit
from superres.terms.spec import Spec
from superres.terms.weights import differences
from superres.types import SuperresError

_DRAWS = re.compile(r"(kaiming|xavier)_(uniform|normal)_|(trunc_)?normal_|uniform_|orthogonal_|dirac_|erfinv_")
_MAKERS = {"empty", "zeros", "ones", "full", "randn", "rand"}
_ROOM = 4_000_000  # elements beyond twice the file's that a network may take while it is made


def built(network: Spec[Any], state: State) -> nn.Module:
    """The network with exactly these weights, in evaluation. Unfit where a name or a shape differs."""
    limit = 2 * sum(one.numel() for one in state.values()) + _ROOM
    try:
        with _NoDraws(limit):
            module = cast(nn.Module, network.build())
    except (SuperresError, RuntimeError, ValueError, TypeError, ZeroDivisionError, OverflowError) as error:
        raise Unfit(" ".join(str(error).split())[:160] or type(error).__name__) from error
    if differs := differences(state, module):
        raise Unfit(differs)
    module.load_state_dict(state, assign=True)
    return module.requires_grad_(False).eval()


class _NoDraws(TorchFunctionMode):
    """Weights keep whatever memory held; more than ``limit`` elements are Unfit, whatever a file says."""

    def __init__(self, limit: int) -> None:
        super().__init__()
        self.left = limit

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        name = getattr(func, "__name__", "")
        given: dict[str, Any] = dict(kwargs or {})
        if _DRAWS.fullmatch(name):
            drawn = args[0] if args else given["tensor"]
            # truncated normals are drawn again until all are in range: nought always is
            if name == "normal_":
                drawn.detach().zero_()
            return drawn
        if name in _MAKERS:
            self._take(args, given)
        return func(*args, **given)

    def _take(self, args: tuple[Any, ...], given: Mapping[str, Any]) -> None:
        count = 1
        for side in _flat(given.get("size", args)):
            count *= side
        self.left -= count
        if self.left < 0:
            raise Unfit("a network of such sizes has far more weights than the file holds")


def _flat(sizes: Any) -> list[int]:
    """Whole numbers, out of a number or of sequences of them."""
    if isinstance(sizes, (tuple, list)):
        return [one for part in cast(tuple[Any, ...], sizes) for one in _flat(part)]
    return [sizes] if isinstance(sizes, int) else []
