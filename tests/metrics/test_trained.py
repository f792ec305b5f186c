"""LPIPS and DISTS: values of the authors' packages where the weights are on this machine, and clear words where not."""

from pathlib import Path
from typing import Any

import pytest
import torch

from superres.metrics.dists import DISTS, dists_256
from superres.metrics.lpips import LPIPS, lpips_vgg
from superres.metrics.weights import find
from superres.testing.metrics import check_metric, check_on_device, drawn
from superres.types import BadModel, BadRequest

from .reference import ABSENT, WHY, picture, rows, tensor


def there(name: str) -> bool:
    try:
        return find(name).is_file()
    except BadModel:
        return False


NO_ALEX = pytest.mark.skipif(not there("alexnet"), reason="the weights alexnet are not on this machine")
NO_VGG = pytest.mark.skipif(not there("vgg16"), reason="the weights vgg16 are not on this machine")
NO_ROWS = pytest.mark.skipif(ABSENT, reason=WHY)


def held(metric: Any, *names: str, resized: bool = False, near: float = 5e-5) -> None:
    """Every row of these names, in float32."""
    found = [row for row in rows(*names) if ("WITH resize" in row["convention"]) == resized]
    assert found
    for row in found:
        x, y = (tensor(picture(row[side])).float() for side in ("test", "ref"))
        x, y = (one.expand(-1, 3, -1, -1) for one in (x, y))
        with torch.no_grad():
            assert metric(x, y).item() == pytest.approx(float(row["value"]), abs=near), row["test"]


@NO_ALEX
@NO_ROWS
def test_lpips_on_alexnet() -> None:
    held(LPIPS(), "lpips", "lpips_alex")


@NO_VGG
@NO_ROWS
@pytest.mark.slow
def test_lpips_on_vgg16() -> None:
    held(lpips_vgg(), "lpips_vgg")


@NO_VGG
@NO_ROWS
@pytest.mark.slow
def test_dists_at_the_pictures_own_size() -> None:
    held(DISTS(), "dists")


@NO_VGG
@NO_ROWS
@pytest.mark.slow
def test_dists_at_256() -> None:
    held(dists_256(), "dists", resized=True)


@NO_ALEX
def test_contract_of_lpips_on_alexnet() -> None:
    check_metric(LPIPS(), identity=0)


@NO_VGG
@pytest.mark.slow
@pytest.mark.parametrize("metric", [lpips_vgg(), DISTS(), DISTS(side=20)], ids=lambda one: one.facts.name)
def test_contract_on_vgg16(metric: Any) -> None:
    check_metric(metric, identity=0)


@NO_ALEX
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU is here")
def test_a_gpu_gives_the_same() -> None:
    check_on_device(LPIPS(), "cuda", rtol=1e-3)


@NO_ALEX
def test_identical_pictures_and_constants_have_finite_gradients() -> None:
    other = drawn(1, 3, 40, 40).float()
    flat = torch.zeros_like(other)
    for test, reference in ((other, other), (flat, flat), (flat, other)):
        x = test.clone().requires_grad_()
        (gradient,) = torch.autograd.grad(LPIPS()(x, reference).sum(), x)
        assert gradient.isfinite().all()


def test_absent_weights_say_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SUPERRES_WEIGHTS", str(tmp_path))
    x = drawn(1, 3, 40, 40)
    for metric, name in ((LPIPS(), "alexnet"), (lpips_vgg(), "vgg16"), (DISTS(), "vgg16")):
        with pytest.raises(BadModel, match=name) as caught:
            metric(x, x)
        assert "\n" not in str(caught.value)


def test_settings_that_mean_nothing_are_refused() -> None:
    with pytest.raises(BadRequest, match="alex, vgg"):
        LPIPS(net="squeeze")  # type: ignore[arg-type]
    with pytest.raises(BadRequest, match="at least 16"):
        DISTS(side=8)


def test_facts_tell_the_conventions_apart() -> None:
    names = [metric.facts.name for metric in (LPIPS(), lpips_vgg(), DISTS(), dists_256())]
    assert names == ["lpips", "lpips-vgg", "dists", "dists-256"]
    assert "no resize" in DISTS().facts.conventions
    assert "256" in dists_256().facts.conventions
