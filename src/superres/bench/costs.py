"""What a model costs: parameters, multiply-adds, activations, for an output of one usual size."""

from dataclasses import dataclass, replace

from torch import nn

from superres.bench.modules import channels_of, counted, graph_of
from superres.graph import cost
from superres.graph.graph import Graph
from superres.graph.wrapping import Wrapping

OUTPUT = (720, 1280)  # height and width of the enlarged picture that papers count multiply-adds for


@dataclass(frozen=True)
class Cost:
    """None where it is not known. ``how`` says how it was counted, and what was not."""

    parameters: int | None = None
    multiply_adds: int | None = None
    activations: int | None = None
    how: str = "not known"


NOTHING = Cost(0, 0, 0, "nothing is learnt")


def _input(scale: int) -> tuple[int, int]:
    return OUTPUT[0] // scale, OUTPUT[1] // scale


def of_graph(graph: Graph, scale: int, wrapping: Wrapping | None = None) -> Cost:
    """Counted from the graph's convolutions; a graph that works on an enlarged picture is counted at that size."""
    height, width = OUTPUT if wrapping is not None and wrapping.input != "picture" else _input(scale)
    return Cost(
        cost.parameters(graph),
        cost.multiply_adds(graph, height, width),
        cost.activations(graph, height, width),
        f"convolutions of the graph, for {OUTPUT[1]}x{OUTPUT[0]} out",
    )


def of_module(module: nn.Module, scale: int) -> Cost:
    """From the module's graph where there is one, else by hooks on its convolutions and linear layers."""
    graph = graph_of(module, scale)
    parameters = sum(one.numel() for one in module.parameters())
    if graph is not None:  # which has fewer weights where branches fold into one, and more where it holds constants
        found = of_graph(graph, scale)
        return replace(found, parameters=min(parameters, found.parameters or parameters))
    found = counted(module, channels_of(module) or 3, *_input(scale))
    if found is None:
        return Cost(parameters, how="parameters only: the network does not run without numbers")
    seen = f"convolutions and linear layers, seen by hooks, for {OUTPUT[1]}x{OUTPUT[0]} out; attention is not counted"
    return Cost(parameters, *found, seen)
