"""From a finished run of SRCNN to a model file inside the package, with its card.

    python -m superres.recipes.package_srcnn RUN... [--figures benchmarks/results/srcnn.json]

Each RUN is a folder that ``superres train srcnn`` or ``srcnn-fast`` has filled. Run it once, measure with
``benchmarks/quality.py``, and run it again with the figures, which then stand in the cards.
"""

import argparse
import json
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor

from superres.graph.cost import parameters
from superres.graph.file import save_model
from superres.graph.graph import Graph
from superres.graph.wrapping import Wrapping
from superres.networks.srcnn import SRCNN
from superres.recipes.opening import open_recipe
from superres.terms.run import Run
from superres.terms.spec import Spec
from superres.terms.tree import leaves, resolved, to_json
from superres.terms.weights import load_weights
from superres.train.export import to_graph
from superres.train.folder import RUN, read_run

PRETRAINED = Path(__file__).parents[1] / "runtime" / "pretrained"
WEIGHTS = "last.safetensors"
_NOT_SET = ("name", "data.root", "validate.root", "data.seed")
_STUDIO = (219 / 255, 16 / 255)  # luma of studio range is this factor times that of full range, plus this


def in_full_range(net: SRCNN) -> None:
    """Make a network of studio-range luma one of full-range luma: the first and last layer take in the change, exactly.

    Only where no zero padding is seen, which stands for another brightness afterwards.
    """
    factor, offset = _STUDIO
    with torch.no_grad():
        first, last = net.extract, net.reconstruct
        cast(Tensor, first.bias).add_(offset * first.weight.sum((1, 2, 3)))
        first.weight.mul_(factor)
        last.weight.div_(factor)
        cast(Tensor, last.bias).sub_(offset).div_(factor)


def exported(run: Run, weights: Path) -> tuple[Graph, Wrapping]:
    """The graph, on full-range luma or RGB, and what it wants to be given."""
    net = cast(SRCNN, Spec[Any](run.network.target, {**run.network.arguments, "padding": True}).build())
    net.load_state_dict(load_weights(weights))
    channels = net.extract.in_channels
    if channels == 1:
        in_full_range(net)
    bands = "luma" if channels == 1 else "all"
    return to_graph(net.eval(), scale=1, channels=channels), Wrapping(net.scale, "bicubic", bands)


def card(run: Run, graph: Graph, wrapping: Wrapping, figures: dict[str, Any]) -> dict[str, Any]:
    """What a user should know of a model before using it."""
    arguments = cast(dict[str, Any], to_json(resolved(run.network)))["arguments"]
    kernels = "-".join(map(str, arguments["kernels"]))
    return {
        "name": f"srcnn-x{wrapping.scale}",
        "family": "srcnn",
        "scale": wrapping.scale,
        "purpose": f"the first network of the field, SRCNN {kernels}, for comparison; clean pictures only",
        "network": run.network.target,
        "arguments": {**arguments, "padding": True},
        "parameters": parameters(graph),
        "input": "the picture enlarged by MATLAB's bicubic, in float",
        "bands": "full-range BT.601 luma; bicubic enlarges the colour" if wrapping.bands == "luma" else "RGB",
        "training data": ["T91"],
        "training data licence": "T91 (no licence stated)",
        "degradation": "MATLAB bicubic",
        "recipe": command(run),
        "steps": run.optimise.steps,
        "licence": "Apache-2.0 (the weights; see the training data's own licences)",
        "figures": figures,
    }


def command(run: Run) -> str:
    """The line that trains this run: its recipe and every path that was set otherwise, but for where the data lie."""
    name = "srcnn-fast" if run.name.startswith("srcnn-fast") else "srcnn"
    usual = {leaf.path: leaf.text for leaf in leaves(resolved(open_recipe(name)))}
    changed = [
        f" --set {leaf.path}={leaf.text}"
        for leaf in leaves(resolved(run))
        if usual.get(leaf.path) != leaf.text and leaf.path not in _NOT_SET
    ]
    return f"superres train {name} --data-root DATA --out RUN{''.join(changed)}"


def select_figures(file: Path | None, scale: int) -> dict[str, Any]:
    """This model's rows of a quality report, with its date and processor."""
    if file is None:
        return {}
    report: dict[str, Any] = json.loads(file.read_text())
    facts = {key: report[key] for key in ("unit", "date", "processor")}
    return {**facts, "clean": report["clean"][f"x{scale}"]["srcnn"]}


def package(folder: Path, out: Path, figures: Path | None) -> Path:
    """Write the model of one run folder; returns the file."""
    run = read_run(folder / RUN)
    graph, wrapping = exported(run, folder / WEIGHTS)
    target = out / f"srcnn-x{wrapping.scale}.safetensors"
    save_model(target, graph, card(run, graph, wrapping, select_figures(figures, wrapping.scale)), wrapping)
    return target


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path, nargs="+")
    parser.add_argument("--figures", type=Path)
    parser.add_argument("--out", type=Path, default=PRETRAINED)
    given = parser.parse_args()
    for folder in given.runs:
        print(package(folder, given.out, given.figures))


if __name__ == "__main__":
    main()
