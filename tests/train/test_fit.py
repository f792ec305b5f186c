"""The trainer: exact resume, a stop at a broken loss, batches that depend on (seed, step) alone."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from superres.data.patches import Patches
from superres.networks.chain import Chain
from superres.train.fit import Schedule, colour_and_luma, fit
from superres.types import SuperresError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    (tmp_path / "hr").mkdir()
    for k in range(3):
        Image.fromarray(rng.integers(0, 256, (60 + k, 70, 3)).astype(np.uint8)).save(tmp_path / "hr" / f"{k}.png")
    return tmp_path / "hr"


def small_net() -> Chain:
    torch.manual_seed(5)
    return Chain(scale=2, width=4, depth=1)


def batches_of(folder: Path, batch: int) -> Callable[[int], tuple[torch.Tensor, torch.Tensor]]:
    patches = Patches(folder, scale=2, batch=batch, patch=16, seed=1)

    def batches(step: int) -> tuple[torch.Tensor, torch.Tensor]:
        sample = patches(step)
        return sample["lr"], sample["hr"]

    return batches


def test_resuming_gives_the_same_weights_to_the_bit(folder: Path, tmp_path: Path) -> None:
    batches = batches_of(folder, 2)
    schedule = Schedule(steps=8, warmup=2)
    whole = fit(small_net(), batches, schedule, tmp_path / "whole", validate_every=4)

    def interrupted(step: int) -> tuple[torch.Tensor, torch.Tensor]:
        if step == 6:
            raise KeyboardInterrupt
        return batches(step)

    with pytest.raises(KeyboardInterrupt):
        fit(small_net(), interrupted, schedule, tmp_path / "cut", validate_every=4)
    resumed = fit(small_net(), batches, schedule, tmp_path / "cut", validate_every=4)
    for a, b in zip(whole.parameters(), resumed.parameters(), strict=True):
        assert torch.equal(a, b)


def test_training_learns(folder: Path, tmp_path: Path) -> None:
    batches = batches_of(folder, 4)
    net = small_net()
    lr, hr = batches(1000)
    before = colour_and_luma(net(lr), hr).item()
    trained = fit(net, batches, Schedule(steps=60, rate=3e-3, warmup=5, average=0.9), tmp_path / "run")
    assert colour_and_luma(trained(lr), hr).item() < 0.9 * before


def test_a_loss_that_is_no_number_stops_the_run(tmp_path: Path) -> None:
    def batches(step: int) -> tuple[torch.Tensor, torch.Tensor]:
        value = float("nan") if step == 3 else 0.5
        return torch.full((1, 3, 8, 8), value), torch.zeros(1, 3, 16, 16)

    with pytest.raises(SuperresError, match="step 3"):
        fit(small_net(), batches, Schedule(steps=5), tmp_path / "run")
