"""A network filled with weights that are there already: nothing is drawn, and no more memory taken than they fit."""

from collections.abc import Iterator, Mapping
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from superres.converting.family import State, Unfit
from superres.terms.spec import Spec
from superres.terms.weights import differences
from superres.types import SuperresError

_DRAWS = {
    *("kaiming_uniform_", "kaiming_normal_", "xavier_uniform_", "xavier_normal_", "orthogonal_", "dirac_"),
    *("normal_", "trunc_normal_", "uniform_", "erfinv_"),
}
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
    _fill(module, state)
    return module.eval()


def _fill(module: nn.Module, state: State) -> None:
    """Weights that are known to fit take the places of the module's own; nothing is copied, nothing trained on."""
    parts = cast(Iterator[tuple[str, nn.Module]], module.named_modules(remove_duplicate=False))
    for before, part in parts:
        start = f"{before}." if before else ""
        for name, _ in list(part.named_parameters(recurse=False, remove_duplicate=False)):
            weight = state[start + name]
            if not weight.is_floating_point():
                raise Unfit(f"{start}{name} holds whole numbers, wanted floating-point ones")
            setattr(part, name, nn.Parameter(weight, requires_grad=False))
        for name, _ in list(part.named_buffers(recurse=False, remove_duplicate=False)):
            if start + name in state:  # others are what the constructor computed
                setattr(part, name, state[start + name])


class _NoDraws(TorchFunctionMode):
    """Weights keep whatever memory held, unread and unwritten; more than ``limit`` elements are Unfit.

    Every torch function called meanwhile comes by here, some ten thousand for a large network: it has to be quick.
    """

    def __init__(self, limit: int) -> None:
        super().__init__()
        self.left, self.nought = limit, torch.zeros(())

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        name = getattr(func, "__name__", "")
        given = kwargs or {}
        if name[-1:] == "_":
            target = args[0] if args else given.get("tensor")
            if type(target) is nn.Parameter and name[-2:] != "__":  # whatever is written there, the file's follow
                # truncated normals are drawn again until all are in range: nought always is
                return nn.Parameter(self.nought.expand(target.shape), False) if name == "normal_" else target
            if name in _DRAWS:
                return cast(Tensor, target).detach().zero_() if name == "normal_" else target
        elif name in _MAKERS:
            self._take(args, given)
        elif name == "contiguous" and "memory_format" in given:  # a layout for speed, of weights that are not there
            return args[0]
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
