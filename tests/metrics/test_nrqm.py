"""NRQM: features held to the authors' code, forests to a walk by hand, and what is said when there are none."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file
from scipy.io import savemat

from superres.functional.forest import Forest, predict
from superres.functional.frequency_pyramid import frequency_pyramid
from superres.functional.natural_scenes import gray8, luma8
from superres.functional.nrqm import nrqm_features
from superres.metrics.niqe import NIQE
from superres.metrics.nrqm import NRQM, forests, pirm
from superres.metrics.perceptual_index import PerceptualIndex
from superres.metrics.weights import load
from superres.metrics.weights.get import get
from superres.testing.metrics import check_metric, drawn
from superres.types import BadModel, BadRequest

from .reference import ABSENT, WHY, picture, rows, tensor

KINDS = ("nrqm_features_f1", "nrqm_features_f2", "nrqm_features_f3")
WIDTHS = (18, 45, 75)


@pytest.mark.skipif(ABSENT, reason=WHY)
@pytest.mark.parametrize("row", rows(*KINDS), ids=lambda row: f"{row['metric'][-2:]}-{row['test'][-11:]}")
def test_the_authors_features(row) -> None:
    """Asked for is 1e-4 of each feature; both codes agree to the digits printed."""
    x = tensor(picture(row["test"]))
    gray = gray8(x) if "peppers" in row["test"] else luma8(x)[:, 4:-4, 4:-4]
    found = nrqm_features(gray[0, :96, :120])[KINDS.index(row["metric"])]
    np.testing.assert_allclose(found, [float(one) for one in row["value"].split()], rtol=1e-8)


def test_the_table_has_all_three_kinds_twice() -> None:
    assert ABSENT or len(rows(*KINDS)) == 6


def test_the_pyramids_bands_hold_the_pictures_energy() -> None:
    """Squared masks sum to one: of white noise all is held but what lies below an eighth of the highest frequency."""
    x = torch.from_numpy(np.random.default_rng(0).standard_normal((65, 81)))
    pyramid = frequency_pyramid(x, scales=3, orientations=6)
    shares = [band.square().mean() * len(band) * (band[0].numel() / x.numel()) ** 2 for band in pyramid.bands]
    held = (pyramid.high.square().mean() + sum(shares)) / x.square().mean()
    assert [tuple(band.shape[:1]) for band in pyramid.bands] == [(6,)] * 3
    assert 0.97 < float(held) < 1.0


def grown(rng: Any, trees: int, nodes: int, features: int) -> dict[str, np.ndarray]:
    """Random trees as Breiman's program keeps them: (nodes, trees), counted from 1, leaves -1."""
    shape = (nodes, trees)
    made = {name: np.zeros(shape, np.int32) for name in ("lDau", "rDau", "mbest")}
    made |= {"nodestatus": np.zeros(shape, np.int8), "upper": np.zeros(shape), "avnode": rng.normal(5, 2, shape)}
    for tree in range(trees):
        free = 1
        for node in range(nodes):
            if node >= free:
                break
            if free + 2 <= nodes and rng.random() < 0.9:
                made["nodestatus"][node, tree] = -3
                made["lDau"][node, tree], made["rDau"][node, tree] = free + 1, free + 2
                made["mbest"][node, tree] = rng.integers(1, features + 1)
                made["upper"][node, tree] = rng.normal()
                free += 2
            else:
                made["nodestatus"][node, tree] = -1
    return made


def walked(made: dict[str, np.ndarray], x: np.ndarray) -> float:
    """The forest's answer, node by node, as its authors describe it."""
    answers = []
    for tree in range(made["lDau"].shape[1]):
        node = 1
        while made["nodestatus"][node - 1, tree] != -1:
            low = x[made["mbest"][node - 1, tree] - 1] <= made["upper"][node - 1, tree]
            node = made["lDau" if low else "rDau"][node - 1, tree]
        answers.append(made["avnode"][node - 1, tree])
    return float(np.mean(answers))


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, list[dict[str, np.ndarray]], np.ndarray]:
    """A model.mat of the authors' layout with forests of our own."""
    monkeypatch.setenv("SUPERRES_WEIGHTS", str(tmp_path / "weights"))
    rng = np.random.default_rng(4)
    grownup = [grown(rng, 7, 41, width) for width in WIDTHS]
    linear = np.array([-1.0, 0.2, 0.5, 0.4])
    cells = np.empty((3, 1), dtype=object)
    for index, one in enumerate(grownup):
        cells[index, 0] = one
    savemat(tmp_path / "model.mat", {"model": {"rf": cells, "linear": linear[:, None]}})
    return tmp_path / "model.mat", grownup, linear


def test_matlabs_file_is_read_and_walked_right(model) -> None:
    path, grownup, linear = model
    get("nrqm", source=path)
    found, factors = forests(load("nrqm"))
    np.testing.assert_array_equal(factors, linear)
    rng = np.random.default_rng(5)
    for forest, made, width in zip(found, grownup, WIDTHS, strict=True):
        x = rng.normal(size=(20, width))
        expected = [walked(made, one) for one in x]
        np.testing.assert_allclose(predict(forest, torch.from_numpy(x)), expected, rtol=1e-12)
    x = drawn(1, 3, 60, 70)
    features = nrqm_features(gray8(x)[0])
    scores = [walked(made, one.numpy()) for made, one in zip(grownup, features, strict=True)]
    assert float(NRQM()(x)) == pytest.approx(linear[0] + linear[1:] @ scores)


@pytest.mark.parametrize(
    "make", [NRQM, pytest.param(pirm, marks=pytest.mark.slow), pytest.param(PerceptualIndex, marks=pytest.mark.slow)]
)
def test_the_contract(make, model) -> None:
    get("nrqm", source=model[0])
    check_metric(make())


def test_the_perceptual_index_is_its_formula(model) -> None:
    get("nrqm", source=model[0])
    x = drawn(1, 3, 200, 200)
    expected = ((10 - pirm()(x)) + NIQE(convention="pirm")(x)) / 2
    torch.testing.assert_close(PerceptualIndex()(x), expected)
    assert PerceptualIndex().notes(x) == ["niqe-pirm: 4 blocks of 96x96, fewer than 16: little more than a guess"]


@pytest.mark.parametrize("make", [NRQM, PerceptualIndex])
def test_without_forests_it_is_said_plainly(make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUPERRES_WEIGHTS", str(tmp_path))
    with pytest.raises(BadModel, match=r"no package carries them.*--from FILE.*model\.mat"):
        make()(drawn(1, 1, 220, 220))


@pytest.mark.parametrize("level", [0.0, 0.5])
def test_a_flat_picture_is_refused(level, model) -> None:
    get("nrqm", source=model[0])
    with pytest.raises(BadRequest, match="flat"):
        NRQM()(torch.full((1, 1, 64, 64), level))


def test_a_picture_that_is_flat_in_part_is_measured(model) -> None:
    get("nrqm", source=model[0])
    x = drawn(1, 1, 64, 64)
    x[..., 20:] = 0.5
    assert NRQM()(x).isfinite().all()


def _forest(**changed: Any) -> Forest:
    parts: dict[str, Any] = {"feature": [[0, -1, -1]], "threshold": [[0.5, 0, 0]], "left": [[1, -1, -1]]}
    parts |= {"right": [[2, -1, -1]], "value": [[0.0, 1.0, 2.0]], **changed}
    return Forest(**{key: torch.tensor(value) for key, value in parts.items()})


@pytest.mark.parametrize(
    "changed",
    [{"left": [[0, -1, -1]]}, {"right": [[3, -1, -1]]}, {"feature": [[18, -1, -1]]}, {"value": [[1.0]]}],
    ids=["a circle", "outside", "no such feature", "shape"],
)
def test_forests_that_do_not_fit_are_refused(changed) -> None:
    assert predict(_forest().checked(18), torch.tensor([[0.5], [0.6]]).expand(2, 18)).tolist() == [1, 2]
    with pytest.raises(BadModel):
        _forest(**changed).checked(18)


@pytest.mark.parametrize("content", [b"", b"nonsense", b"MATLAB 5.0 MAT-file" + bytes(200)])
def test_a_damaged_mat_file_is_one_line(content, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUPERRES_WEIGHTS", str(tmp_path / "weights"))
    (tmp_path / "model.mat").write_bytes(content)
    with pytest.raises(BadModel, match=r"model\.mat: not the model\.mat of NRQM"):
        get("nrqm", source=tmp_path / "model.mat")
    save_file({"linear": np.ones(4)}, tmp_path / "x.safetensors")
    with pytest.raises(BadModel, match=r"holds no 'forest1\.feature'"):
        get("nrqm", source=tmp_path / "x.safetensors")
