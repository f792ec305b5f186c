"""The computed half of the table: ``zoo_costs.csv``.

    python -m superres.testing.costs

Counts come from each network at full size, built without numbers; radius, tiles and engines from its facts and graph.
"""

import csv
import io
from pathlib import Path
from typing import Any, cast

import torch
from torch import nn

import superres
from superres.bench.costs import OUTPUT
from superres.bench.modules import counted
from superres.blocks.folding import fold
from superres.graph.graph import Graph
from superres.terms.network import NetworkFacts
from superres.terms.spec import Spec
from superres.testing.networks import facts_of
from superres.train.export import to_graph
from superres.types import BadModel
from superres.zoo import NETWORKS, Cost, Row

FILE = Path(superres.__file__).with_name("zoo_costs.csv")
GRAPH_ENGINES = ("ncnn", "onnxruntime", "openvino", "torch")


def cost_of(row: Row, scale: int) -> Cost:
    """What the paper's network costs at one scale."""
    with torch.device("meta"):
        module = cast(nn.Module, Spec(row.target, {**row.arguments, "scale": scale}).build()).eval()
    facts, graph = facts_of(module), _small_graph(row, scale)
    height, width = (_input(side, facts) for side in OUTPUT)
    parameters = sum(weight.numel() for weight in module.parameters())
    with torch.device("meta"):
        folded = fold(nn.Sequential(module))
    found = counted(folded, facts.channels, height, width)
    return Cost(
        network=row.name,
        scale=scale,
        parameters=parameters,
        multiply_adds=found[0] if found else None,
        activations=found[1] if found else None,
        radius=facts.radius,
        tiles="whole" if facts.radius is None else "exact",
        streams=graph is not None and facts.radius is not None,
        engines=GRAPH_ENGINES if graph is not None else ("torch",),
    )


def _input(side: int, facts: NetworkFacts) -> int:
    """Pixels of the input for so many of the output, rounded up to what the network takes."""
    least = -(-side // facts.factor)
    return -(-least // facts.multiple) * facts.multiple


def _small_graph(row: Row, scale: int) -> Graph | None:
    """The graph of the row's small network, which has the same kinds of layers; None where there is none."""
    at: dict[str, Any] = {row.depth: 1} if row.depth else {}
    module = cast(nn.Module, Spec(row.target, {**row.arguments, **row.small, **at, "scale": scale}).build()).eval()
    try:
        return to_graph(module, scale=facts_of(module).factor, channels=facts_of(module).channels)
    except BadModel:
        return None


def as_csv(costs: list[Cost]) -> str:
    """The table as it is stored."""
    text = io.StringIO()
    write = csv.writer(text, lineterminator="\n")
    write.writerow(Cost.__dataclass_fields__)
    for one in costs:
        write.writerow(
            [
                one.network,
                one.scale,
                one.parameters,
                *("" if value is None else value for value in (one.multiply_adds, one.activations, one.radius)),
                one.tiles,
                "yes" if one.streams else "no",
                " ".join(one.engines),
            ]
        )
    return text.getvalue()


if __name__ == "__main__":
    FILE.write_text(as_csv([cost_of(row, scale) for row in NETWORKS for scale in row.scales]))
