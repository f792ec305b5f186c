"""Official checkpoints as graphs at once: what the recogniser and the tracer make of them, without PyTorch."""

import gzip
import importlib.util
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from superres.runtime.foreign import load_file
from superres.runtime.official import LAYOUTS, key_of, official
from superres.types import BadModel

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
from superres.converting.opening import open_weights  # noqa: E402

CONVERTING = Path(__file__).parents[1] / "converting"
_spec = importlib.util.spec_from_file_location("converting_drawn", CONVERTING / "drawn.py")
drawn = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(drawn)

with zipfile.ZipFile(LAYOUTS) as _archive:
    NAMES = {one.rpartition("-")[0]: one for one in _archive.namelist()}
SLOW = 2_000_000  # weights: larger ones are of the slow proofs


def listed(name):
    return json.loads(gzip.decompress((CONVERTING / "official" / f"{name}.json.gz").read_bytes()))


def saved(folder, name, change=lambda state: state, **more):
    held = listed(name)
    made = drawn.weights(held["state"], gain=held["gain"], fixed=held["fixed"])
    path = folder / f"{name}.pth"
    state = {key: torch.from_numpy(np.ascontiguousarray(value)) for key, value in made.items()}
    torch.save({"params_ema": change(state)}, path, **more)
    return path


def size(name):
    return sum(int(np.prod(one[1:])) for one in listed(name)["state"].values())


def cases():
    marks = {True: [pytest.mark.slow], False: []}
    return [pytest.param(name, id=name, marks=marks[size(name) > SLOW]) for name in NAMES]


@pytest.mark.parametrize("name", cases())
def test_it_is_what_is_recognised_and_traced(name, tmp_path):
    path = saved(tmp_path, name)
    found, traced = official(path), open_weights(path)
    assert found is not None
    assert traced.graph is not None
    assert (found.graph.scale, found.graph.channels) == (traced.graph.scale, traced.graph.channels)
    assert found.graph.operations == traced.graph.operations
    assert found.graph.weights.keys() == traced.graph.weights.keys()
    for key, value in traced.graph.weights.items():
        assert np.array_equal(found.graph.weights[key], value), key
    assert found.wrapping == traced.wrapping
    assert found.card == {name: value for name, value in traced.card.items() if name != "sha256"}


@pytest.mark.parametrize("name", NAMES)
def test_a_layout_is_found_by_its_list(name):
    shapes = {key: tuple(facts[1:]) for key, facts in listed(name)["state"].items()}
    assert NAMES[name] == f"{name}-{key_of(shapes)}.json"


def test_all_that_people_use_most_are_there():
    wanted = {"rrdb-x4", "rrdb-x2", "rrdb-x1", "rrdb-anime-x4", "esrgan-x4", "esrgan-old-x4", "srvgg-general-x4"}
    assert wanted | {"srvgg-anime-x4", "edsr-x4", "rcan-x4", "rdn-x4", "imdn-x4", "msrresnet-x4"} <= set(NAMES)


def test_old_files_and_half_precision_are_read(tmp_path):
    path = saved(tmp_path, "srvgg-anime-x4", _use_new_zipfile_serialization=False)
    assert official(path) is not None
    path = saved(tmp_path, "srvgg-anime-x4", lambda state: {key: value.half() for key, value in state.items()})
    found, traced = official(path), open_weights(path)
    assert all(np.array_equal(found.graph.weights[key], value) for key, value in traced.graph.weights.items())


def test_what_is_not_known_is_left_to_the_recogniser(tmp_path):
    def without(state):
        return dict(list(state.items())[1:])

    def shifted(state):
        return {key: value * 1.01 if key == "sub_mean.bias" else value for key, value in state.items()}

    assert official(saved(tmp_path, "srvgg-anime-x4", without)) is None
    assert official(saved(tmp_path, "edsr-baseline-x2")) is not None
    assert official(saved(tmp_path, "edsr-baseline-x2", shifted)) is None
    (tmp_path / "text.pth").write_text("nothing of the kind")
    assert official(tmp_path / "text.pth") is None


def test_weights_that_are_no_numbers_are_refused(tmp_path):
    def broken(state):
        name = next(iter(state))
        return state | {name: state[name] * float("nan")}

    path = saved(tmp_path, "srvgg-anime-x4", broken)
    with pytest.raises(BadModel, match=rf"{path.name}.*not finite"):
        load_file(path)


def test_a_wrong_scale_is_said(tmp_path):
    with pytest.raises(BadModel, match="enlarges 4 times, but --model-scale says 2"):
        load_file(saved(tmp_path, "srvgg-anime-x4"), scale=2)


def test_an_official_checkpoint_enlarges_without_pytorch(tmp_path):
    from PIL import Image

    def bare(state):  # what is left is the picture, each pixel repeated: drawn weights enlarge nothing
        return {key: value * (key not in list(state)[-2:]) for key, value in state.items()}

    path = saved(tmp_path, "srvgg-anime-x4", bare)
    Image.fromarray(np.full((24, 20, 3), 120, np.uint8)).save(tmp_path / "small.png")
    code = (
        "import sys\n"
        "class Absent:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.partition('.')[0] == 'torch': raise ModuleNotFoundError(name)\n"
        "sys.meta_path.insert(0, Absent())\n"
        "from superres.cli.main import main\n"
        "assert main(sys.argv[1:]) == 0\n"
        "assert 'torch' not in sys.modules\n"
    )
    given = ["upscale", str(tmp_path / "small.png"), "-o", str(tmp_path / "large.png"), "--model", str(path)]
    ended = subprocess.run([sys.executable, "-c", code, *given], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr[-800:]
    with Image.open(tmp_path / "large.png") as large:
        assert large.size == (80, 96)
