"""Metrics without a reference: the contract, the values of the original code, and the edges of what is defined."""

from pathlib import Path

import pytest
import torch

from superres.functional.natural_scenes import luma8
from superres.functional.niqe import niqe, niqe_features
from superres.metrics.brisque import BRISQUE
from superres.metrics.niqe import NIQE, pirm
from superres.metrics.piqe import PIQE
from superres.metrics.sharpness import Sharpness, by_gradient
from superres.metrics.total_variation import TotalVariation
from superres.metrics.weights import find, load
from superres.testing.metrics import check_metric, check_on_device, drawn
from superres.types import BadModel, BadRequest

from .reference import ABSENT, WHY, picture, rows, tensor


def _has(name: str) -> bool:
    try:
        find(name)
    except BadModel:
        return False
    return True


NO_BRISQUE = "`superres weights get brisque` has not been run here"
needs_brisque = pytest.mark.skipif(not _has("brisque"), reason=NO_BRISQUE)
FREE = [NIQE, pirm, PIQE, pytest.param(BRISQUE, marks=needs_brisque), TotalVariation, Sharpness, by_gradient]


@pytest.mark.parametrize("make", FREE)
def test_the_contract(make) -> None:
    check_metric(make())


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU is here")
@pytest.mark.parametrize("make", FREE)
def test_a_gpu_gives_the_same(make) -> None:
    check_on_device(make(), "cuda")


def near(row) -> float:
    """What the brief asks: NIQE 0.1 %, 5 % on the heavily distorted I03; PIQE 0.05; BRISQUE 1e-3 of its range."""
    value = float(row["value"])
    if row["metric"] == "niqe":
        return abs(value) * (0.05 if "dist/I03" in row["test"] else 0.001)
    return 0.05 if row["metric"] == "piqe" else 2e-3


@pytest.mark.skipif(ABSENT, reason=WHY)
@pytest.mark.parametrize(
    "row", rows("niqe", "piqe", "brisque"), ids=lambda row: f"{row['metric']}-{row['test'][-12:]}-{row['value'][:6]}"
)
def test_the_original_code(row) -> None:
    if row["metric"] == "brisque" and not _has("brisque"):
        pytest.skip(NO_BRISQUE)
    x = tensor(picture(row["test"]))
    if "no crop" in row["convention"]:
        model = load("niqe")
        found = niqe(luma8(x), *(torch.from_numpy(model[key]) for key in ("mean", "covariance")))
    elif row["metric"] == "niqe":
        found = NIQE(convention="pirm" if "crop 4" in row["convention"] else "gray")(x)
    else:
        found = (PIQE if row["metric"] == "piqe" else BRISQUE)()(x)
    assert float(found) == pytest.approx(float(row["value"]), abs=near(row))


@pytest.mark.skipif(ABSENT, reason=WHY)
def test_niqe_is_livess_own_to_the_last_digits() -> None:
    for row in [one for one in rows("niqe") if one["kind"].startswith("published") and "I03" not in one["test"]]:
        assert float(NIQE()(tensor(picture(row["test"])))) == pytest.approx(float(row["value"]), rel=1e-9)


def test_niqe_reports_its_blocks() -> None:
    assert NIQE().notes(torch.zeros(2, 3, 384, 512)) == ["niqe: 20 blocks of 96x96"] * 2
    assert NIQE().notes(torch.zeros(1, 1, 200, 383)) == [
        "niqe: 6 blocks of 96x96, fewer than 16: little more than a guess"
    ]
    assert pirm().notes(torch.zeros(1, 3, 384, 512)) == [
        "niqe-pirm: 15 blocks of 96x96, fewer than 16: little more than a guess"
    ]


@pytest.mark.parametrize("shape", [(95, 500), (96, 191), (191, 96)])
def test_niqe_refuses_fewer_than_two_blocks(shape) -> None:
    with pytest.raises(BadRequest, match="whole blocks of 96x96; wanted 2"):
        niqe_features(torch.rand(shape, dtype=torch.float64) * 255)
    assert niqe_features(torch.rand(96, 192, dtype=torch.float64) * 255).shape == (2, 36)


@pytest.mark.parametrize("make", FREE[:4])
@pytest.mark.parametrize("level", [0.0, 0.4, 1.0])
def test_a_constant_picture(make, level) -> None:
    """There is nothing to fit to, so it is refused; PIQE's own rule gives its worst score."""
    x = torch.full((1, 3, 200, 210), level)
    if make is PIQE:
        assert float(make()(x)) == 100
    else:
        with pytest.raises(BadRequest, match="flat"):
            make()(x)


@pytest.mark.parametrize("make", FREE[:2])
def test_niqe_leaves_flat_blocks_out(make) -> None:
    x = drawn(1, 1, 400, 400)
    x[..., :104, :104] = 0.5
    assert make()(x).isfinite().all()


@pytest.mark.parametrize("make", FREE[:4])
def test_gray_is_the_rgb_of_three_equal_bands(make) -> None:
    """Under Y of the PIRM challenge one band is the Y itself, which the RGB's is not."""
    x = drawn(1, 1, 210, 220)
    found = make()(x)
    rgb = x if make is not pirm else (((x * 255 + 0.5).floor() - 16) / 219).clamp(0, 1)
    same = make()(rgb.expand(-1, 3, -1, -1))
    if make is pirm:
        assert found.isfinite().all()
    else:
        torch.testing.assert_close(found, same, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("make", FREE[:4])
def test_a_blurred_picture_is_worse(make) -> None:
    """Drawn waves and edges with a little grain, against the same under a mean of 5x5."""
    x = drawn(1, 1, 300, 300, seed=3)
    blurred = torch.nn.functional.avg_pool2d(x, 5, 1, 2, count_include_pad=False)
    assert float(make()(blurred)) > float(make()(x))


def test_total_variation_and_sharpness_by_hand() -> None:
    x = torch.tensor([[0.0, 1.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.5, 0.0]]).view(1, 1, 3, 3)
    assert float(TotalVariation()(x)) == pytest.approx((1 + 0.5) / 6 + (1 + 1 + 0.5 + 0.5) / 6)
    assert float(by_gradient()(x)) == pytest.approx((2 * (0.5 - 1) / 8) ** 2)
    y = torch.zeros(1, 1, 3, 4)
    y[..., 1, 1] = 1.0
    assert float(Sharpness()(y)) == pytest.approx(torch.tensor([-4.0, 1.0]).var(correction=0).item())
    assert float(Sharpness()(torch.full((1, 3, 8, 8), 0.3))) == pytest.approx(0, abs=1e-12)


def test_brisque_without_its_vectors_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from superres.metrics import brisque

    monkeypatch.setenv("SUPERRES_WEIGHTS", str(tmp_path))
    brisque._weights.cache_clear()
    with pytest.raises(BadModel, match=r"superres weights get brisque --from FILE.*allmodel"):
        BRISQUE()(drawn(1, 1, 64, 64))
    brisque._weights.cache_clear()
