"""The promises of the README and of the package as a whole."""

import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
HEAVY = {
    "torch",
    "ncnn",
    "onnxruntime",
    "openvino",
    "pyvips",
    "PIL",
    "fastapi",
    "gradio",
    "lightning",
    "scipy",
    "ray",
    "fsspec",
}


def test_the_line_that_ci_runs_is_on_the_readmes_first_screen() -> None:
    lines = (ROOT / "README.md").read_text().splitlines()
    assert "scripts/setup && scripts/check" in lines[:40]
    assert any(line.endswith("superres example") for line in lines[:30])


def test_the_readmes_figures_are_those_that_were_measured() -> None:
    report = json.loads((ROOT / "benchmarks/results/quality.json").read_text())
    rows = re.findall(r"^\| (\w+) (x[234]) \| (.*) \|$", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert len(rows) == 9
    for model, scale, cells in rows:
        measured = [report["clean"][scale][model][name] for name in ("Set5", "Set14", "BSD100")]
        assert cells.split(" | ")[:3] == [f"{value:.2f}" for value in measured]


def test_the_page_of_networks_is_that_of_the_table() -> None:
    spec = importlib.util.spec_from_file_location("networks_page", ROOT / "benchmarks/networks_page.py")
    assert spec is not None
    assert spec.loader is not None
    page = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(page)
    assert page.table() in (ROOT / "docs/networks.md").read_text()


@pytest.mark.parametrize("code", ["import superres", "from superres.cli.main import main; main(['--help'])"])
def test_nothing_heavy_is_loaded(code: str) -> None:
    probe = f"import sys\ntry:\n    {code}\nexcept SystemExit:\n    pass\nprint('LOADED', *sys.modules)"
    result = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    loaded = {name.split(".")[0] for name in result.stdout.split("LOADED")[1].split()}
    assert "superres" in loaded
    assert not loaded & HEAVY


def test_every_module_imports() -> None:
    modules = [
        ".".join(path.relative_to(ROOT / "src").with_suffix("").parts)
        for path in sorted((ROOT / "src" / "superres").rglob("*.py"))
        if path.name != "__main__.py"
    ]
    code = "import importlib, sys\nfor name in sys.argv[1:]: importlib.import_module(name.removesuffix('.__init__'))"
    result = subprocess.run([sys.executable, "-c", code, *modules], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert len(modules) > 30
