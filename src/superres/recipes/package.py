"""From a finished run to a model file inside the package, with its card.

    python -m superres.recipes.package RUNS [--figures benchmarks/results/quality.json]

``RUNS`` holds one folder per model, named ``clean-x4`` and so on. Run it once, measure with ``benchmarks/quality.py``,
and run it again with the figures, which then stand in the cards.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from superres.graph.cost import parameters
from superres.graph.file import save_model
from superres.networks.chain import Chain
from superres.recipes.shipped import TRAINING_SETS, schedule
from superres.train.export import to_graph

PRETRAINED = Path(__file__).parents[1] / "runtime" / "pretrained"
ROUNDS = ("", "-again", "-last")
PURPOSE = {
    "clean": "clean pictures: drawings, renderings, scans, good PNGs",
    "photo": "photographs: JPEG artefacts, mild blur and noise are not sharpened",
}
DEGRADATION = {
    "clean": "MATLAB bicubic",
    "photo": "Gaussian blur 0.1-0.6 px (half), MATLAB bicubic, noise up to 8/255 (half), JPEG 30-95 (nine in ten)",
}
DATA_LICENCE = (
    "T91 (no licence stated), BSDS500 train and test (Berkeley, non-commercial research use), 49 photographs from "
    "Wikipedia (mostly Creative Commons)"
)


def card(family: str, scale: int, count: int, figures: dict[str, Any], *, rounds: int = 1) -> dict[str, Any]:
    """What a user should know of a model before using it; ``rounds`` that the trunk was trained for."""
    command = f"python -m superres.recipes.shipped {family}"
    trunk, first = f"RUNS/{family}-x4", f"{command} 4 --data DATA --out RUNS/{family}-x4"
    steps, recipe = schedule(family, 4).steps, [first]
    if scale != 4:
        steps = schedule(family, scale).steps
        recipe.append(f"{command} {scale} --data DATA --out RUNS/{family}-x{scale} --start {trunk}")
    if scale == 4 and rounds > 1:
        steps += schedule(family, 4, again=True).steps
        recipe.append(f"{command} 4 --data DATA --out {trunk}-again --start {trunk} --seed 2")
    if scale == 4 and rounds > 2:
        steps += schedule(family, 4, again=True, squared=True).steps
        recipe.append(f"{command} 4 --data DATA --out {trunk}-last --start {trunk}-again --seed 3 --squared")
    return {
        "name": f"{family}-x{scale}",
        "family": family,
        "scale": scale,
        "purpose": PURPOSE[family],
        "network": "superres.networks.chain:Chain",
        "arguments": {"scale": scale, "width": 48, "depth": 10},
        "parameters": count,
        "training data": list(TRAINING_SETS),
        "training data licence": DATA_LICENCE,
        "degradation": DEGRADATION[family],
        "recipe": recipe,
        "steps": steps,
        "licence": "Apache-2.0 (the weights; see the training data's own licences)",
        "figures": figures,
    }


def select_figures(file: Path | None, family: str, scale: int) -> dict[str, Any]:
    """This model's rows of a quality report, with its date and processor."""
    if file is None:
        return {}
    report: dict[str, Any] = json.loads(file.read_text())
    rows = {key: report[key][f"x{scale}"][family] for key in ("clean", "photo")}
    return {"unit": report["unit"], "date": report["date"], "processor": report["processor"], **rows}


def package(run: Path, out: Path, figures: Path | None) -> Path:
    """Fold, trace and write one run, or the last of its further rounds beside it; returns the file."""
    family, scale = run.name.split("-x")
    rounds = [folder for end in ROUNDS if (folder := run.with_name(run.name + end) / "last.pt").exists()]
    net = Chain(scale=int(scale))
    state: dict[str, Tensor] = torch.load(rounds[-1], weights_only=True)["mean"]
    net.load_state_dict({k.removeprefix("module."): v for k, v in state.items() if k.startswith("module.")})
    graph = to_graph(net.eval(), scale=int(scale))
    target = out / f"{run.name}.safetensors"
    facts = select_figures(figures, family, int(scale))
    save_model(target, graph, card(family, int(scale), parameters(graph), facts, rounds=len(rounds)))
    return target


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path)
    parser.add_argument("--figures", type=Path)
    parser.add_argument("--out", type=Path, default=PRETRAINED)
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    for run in sorted(p.parent for p in given.runs.glob("*-x[234]/last.pt")):
        print(package(run, given.out, given.figures))


if __name__ == "__main__":
    main()
