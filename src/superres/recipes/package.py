"""From a finished run to a model file inside the package, with its card.

    python -m superres.recipes.package RUNS
    python -m superres.recipes.package --figures benchmarks/results/quality.json

``RUNS`` holds one folder per round, named ``clean-x4``, ``clean-x4-again`` and so on; the last round of each model is
taken. Measure with ``benchmarks/quality.py`` then; the second line puts the figures into the cards of all models.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from superres.graph.cost import parameters
from superres.graph.file import load_model, save_model
from superres.graph.graph import Graph
from superres.networks.chain import Chain
from superres.recipes.names import RECIPES
from superres.recipes.opening import open_recipe
from superres.recipes.shipped import TRAINING_SETS
from superres.runtime.models import PRETRAINED
from superres.terms.run import Run
from superres.terms.tree import resolved
from superres.terms.weights import load_network
from superres.train.checkpoint import LAST
from superres.train.export import to_graph
from superres.train.folder import RUN, read_run
from superres.types import BadInput

ROUNDS = ("-end", "-long", "-settled", "-wide", "-whole", "-fine", "-deep", "-last", "-again", "")
NETWORK = "last.safetensors"
_KEPT = (NETWORK, LAST)  # either will do
_LARGE = 1_900_000  # bytes of weights: the files of the package are smaller than 2 MB
PURPOSE = {
    "clean": "clean pictures: drawings, renderings, scans, good PNGs",
    "photo": "photographs: JPEG artefacts, mild blur and noise are not sharpened",
}
DATA_LICENCE = (
    "T91 (no licence stated), BSDS500 train and test (Berkeley, non-commercial research use), 49 photographs from "
    "Wikipedia (mostly Creative Commons)"
)


def card(rounds: list[Run], count: int, figures: dict[str, Any]) -> dict[str, Any]:
    """What a user should know of a model before using it; ``rounds`` that led to it, the last one last."""
    run = resolved(rounds[-1])
    family, scale = run.name.split("-")[0], int(run.network.arguments["scale"])
    return {
        "name": f"{family}-x{scale}",
        "family": family,
        "scale": scale,
        "purpose": PURPOSE[family],
        "network": run.network.target,
        "arguments": {key: run.network.arguments[key] for key in ("scale", "width", "depth")},
        "parameters": count,
        "training data": list(TRAINING_SETS),
        "training data licence": DATA_LICENCE,
        "degradation": "; then ".join(dict.fromkeys(degradation(one) for one in rounds)),
        "recipe": [command(one) for one in rounds],
        "steps": sum(one.optimise.steps for one in rounds),
        "licence": "Apache-2.0 (the weights; see the training data's own licences)",
        "figures": figures,
    }


def degradation(run: Run) -> str:
    """What made the low-resolution pictures of a round, in words."""
    made = resolved(run).data.arguments["degradation"]
    if made is None:
        return "MATLAB bicubic"
    given = made.arguments
    blur, noise, codec = (f"{100 * share:.0f} %" for share in given["shares"])
    low, high = given["blur"]
    worst, best = given["quality"]
    return (
        f"Gaussian blur {low:g}-{high:g} px ({blur} of the patches), MATLAB bicubic, noise up to "
        f"{given['noise'][1]:g}/255 ({noise}), JPEG {worst}-{best} ({codec})"
    )


def command(run: Run) -> str:
    """How to repeat a round."""
    start = "" if run.start is None else f" --set start.file=runs/{_before(run)}/last.safetensors"
    return f"superres train {run.name} --data-root DATA --out runs/{run.name}{start} --set seed={run.seed}"


def rounds_of(folder: Path) -> list[Run]:
    """The run of a folder, and before it those that its start leads back to."""
    return _lineage(_run_of(folder), folder.parent)


def _lineage(run: Run, runs: Path) -> list[Run]:
    if run.start is None:
        return [run]
    before = _run_of(runs / _before(run))
    if before.name == run.name:
        raise BadInput(f"{run.name} starts from {before.name}, which leads back to itself; give the round before it")
    return [*_lineage(before, runs), run]


def _before(run: Run) -> str:
    """The name of the round that a round goes on from."""
    assert run.start is not None
    file = str(run.start.arguments["file"])
    return file if file in RECIPES else Path(file).stem if Path(file).stem in RECIPES else Path(file).parent.name


def _run_of(folder: Path) -> Run:
    """As ``run.json`` has it, or, where the run is not there, as the recipe of that name."""
    if (folder / RUN).exists():
        return read_run(folder / RUN)
    if folder.name not in RECIPES:
        raise BadInput(f"{folder} is neither a run folder nor named like a recipe; name it like the round it holds")
    return open_recipe(folder.name)


def network_of(folder: Path) -> nn.Module:
    """The averaged network of a run folder; ``last.pt`` is read where a run of the first trainer left no other file."""
    if (folder / NETWORK).exists():
        return load_network(folder / NETWORK)[0]
    net = Chain(scale=int(folder.name.split("-x")[1][0]))
    state: dict[str, Tensor] = torch.load(folder / LAST, weights_only=True)["mean"]
    net.load_state_dict({k.removeprefix("module."): v for k, v in state.items() if k.startswith("module.")})
    return net.eval()


def select_figures(file: Path | None, family: str, scale: int) -> dict[str, Any]:
    """This model's rows of a quality report, with its date and processor."""
    if file is None:
        return {}
    report: dict[str, Any] = json.loads(file.read_text())
    rows = {key: report[key][f"x{scale}"][family] for key in ("clean", "photo")}
    return {"unit": report["unit"], "date": report["date"], "processor": report["processor"], **rows}


def package(folder: Path, out: Path, figures: Path | None) -> Path:
    """Fold, trace and write the network of one run folder; returns the file."""
    rounds = rounds_of(folder)
    family, scale = folder.name.split("-")[0], int(folder.name.split("-x")[1][0])
    graph = to_graph(network_of(folder), scale=scale)
    target = out / f"{family}-x{scale}.safetensors"
    _write(target, graph, card(rounds, parameters(graph), select_figures(figures, family, scale)))
    return target


def _write(target: Path, graph: Graph, facts: dict[str, Any]) -> None:
    """In half precision where the file would be too large for the package otherwise."""
    save_model(target, graph, facts, half=4 * parameters(graph) > _LARGE)


def refresh(out: Path, figures: Path) -> list[Path]:
    """Put new figures into the cards of the packaged models; weights and the rest of the cards stay."""
    done: list[Path] = []
    for target in sorted(path for family in PURPOSE for path in out.glob(f"{family}-x*.safetensors")):
        graph, known = load_model(target)
        family, scale = target.stem.split("-x")
        _write(target, graph, {**known, "figures": select_figures(figures, family, int(scale))})
        done.append(target)
    return done


def last_rounds(runs: Path) -> list[Path]:
    """Of every model that has a run in the folder, that of its last round."""
    names = [f"{family}-x{scale}" for family in PURPOSE for scale in (2, 3, 4)]
    found = ((runs / f"{name}{end}" for end in ROUNDS) for name in names)
    return [
        folder
        for folders in found
        if (folder := next((one for one in folders if any((one / file).exists() for file in _KEPT)), None)) is not None
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path, nargs="?")
    parser.add_argument("--figures", type=Path)
    parser.add_argument("--out", type=Path, default=PRETRAINED)
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    folders = last_rounds(given.runs) if given.runs else []
    if given.runs and not folders:
        parser.error(f"{given.runs} holds no run of a packaged model, such as clean-x4/{NETWORK}")
    for folder in folders:
        print(package(folder, given.out, given.figures))
    if given.runs is None and given.figures is not None:
        print(*refresh(given.out, given.figures), sep="\n")


if __name__ == "__main__":
    main()
