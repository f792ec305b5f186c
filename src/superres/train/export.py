"""An nn.Module as a Graph, by symbolic tracing: every step is either understood exactly or refused by name."""

import copy
import operator
from typing import Any, TypeGuard, cast

from torch import Tensor, fx, nn
from torch.fx.node import map_aggregate

from superres.blocks.folding import Foldable
from superres.graph.graph import Graph
from superres.graph.shapes import check
from superres.train.steps import CALLS, MODULES
from superres.train.writer import Value, Writer
from superres.types import BadModel


def to_graph(module: nn.Module, *, scale: int, channels: int = 3, shared: bool = False) -> Graph:
    """The graph that computes what ``module`` computes in evaluation; the module itself stays as it is.

    ``shared`` weights are the module's own, not copies: for one in evaluation, of float32 on the CPU, that is trained
    no further. BadModel names the step that no operation of a Graph expresses exactly.
    """
    plain = module if shared else copy.deepcopy(module).cpu().float().eval()
    whole, tracer = nn.Sequential(plain), _Tracer()  # called with a picture alone: defaults are what they are
    try:
        steps = tracer.trace(whole).nodes
    except Exception as error:  # a forward may fail in any way when run on a proxy
        what = " ".join(str(error).split())[:200]
        raise BadModel(
            f"{type(module).__name__} cannot be traced ({what}); its forward must not ask for sizes"
        ) from error
    write, made = Writer(channels), dict[fx.Node, Any]()
    for node in steps:
        write.node = node.name
        made[node] = _step(write, whole, node, made)
    graph = write.graph(scale)
    check(graph)
    return graph


class _Tracer(fx.Tracer):
    """What can be folded is one step, as the layers of PyTorch are."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return _folds(m) or super().is_leaf_module(m, module_qualified_name)


def _folds(module: nn.Module) -> TypeGuard[Foldable]:
    """``isinstance`` of a protocol is slow, and there are many modules."""
    return hasattr(type(module), "fold")


def _step(write: Writer, whole: nn.Module, node: fx.Node, made: dict[fx.Node, Any]) -> Any:
    """What a node gives: a value of the graph, a tensor, a number, or a list of them."""
    given = cast(tuple[Any, ...], fx.map_arg(node.args, lambda one: made[one]))
    named = cast(dict[str, Any], fx.map_arg(node.kwargs, lambda one: made[one]))
    if node.op == "placeholder":
        return _input(write, given, first=not made)
    if node.op == "get_attr":
        return operator.attrgetter(str(node.target))(whole)
    if node.op == "call_module":
        return _module(write, whole.get_submodule(str(node.target)), given, named)
    if node.op == "output":
        if not isinstance(given[0], Value) or given[0].last:
            raise write.refuse("returns something else than one tensor")
        write.result = given[0].name
        return None
    return _call(write, node.target, given, named)


def _input(write: Writer, given: tuple[Any, ...], *, first: bool) -> Any:
    if first:
        return Value("input")
    if not given:
        raise write.refuse("is a second input")
    return given[0]  # an argument with a default


def _module(write: Writer, module: nn.Module, given: tuple[Any, ...], named: dict[str, Any]) -> Any:
    if _constant(given):
        return module(*given, **named)
    if _last(given) and not isinstance(module, nn.LayerNorm):
        raise write.refuse(f"is a {type(module).__name__} of channels that stand last")
    if _folds(module):
        module = module.fold()
    for kinds, writing in MODULES:
        if isinstance(module, kinds) and len(given) == 1 and not named:
            return writing(write, module, given[0])
    raise write.refuse(f"is a {type(module).__name__}")


def _call(write: Writer, target: Any, given: tuple[Any, ...], named: dict[str, Any]) -> Any:
    if _constant(given):
        return getattr(given[0], target)(*given[1:], **named) if isinstance(target, str) else target(*given, **named)
    name = target if isinstance(target, str) else getattr(target, "__name__", str(target))
    writing = CALLS.get(name.rstrip("_"))
    if writing is None:
        raise write.refuse(f"calls {name}")
    if _last(given) and name not in ("movedim", "permute", "layer_norm"):
        raise write.refuse(f"calls {name} with channels that stand last")
    try:
        return writing(write, *given, **named)
    except (TypeError, AttributeError, IndexError, ValueError) as error:
        if isinstance(error, BadModel):
            raise
        raise write.refuse(f"calls {name} with arguments not known here ({error})") from error


def _last(given: tuple[Any, ...]) -> bool:
    """Whether a step is given values whose channels were moved behind rows and columns."""
    found: list[Any] = []
    map_aggregate(given, found.append)
    return any(isinstance(one, Value) and one.last for one in found)


def _constant(given: tuple[Any, ...]) -> bool:
    """Whether a step is given tensors, and no picture: then it is computed at once."""
    found: list[Any] = []
    map_aggregate(given, found.append)
    tensors = any(isinstance(one, Tensor) for one in found)
    return tensors and not any(isinstance(one, Value) for one in found)
