"""The trainer: exact resume, a stop at a broken loss, batches that depend on (seed, step) alone."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from superres.data.patches import Patches, load_pairs
from superres.degradations.photo import Photo
from superres.images.resize import imresize
from superres.networks.chain import Chain
from superres.train.fit import Schedule, colour_and_luma, fit
from superres.types import BadRequest, SuperresError


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


def test_a_batch_is_a_function_of_seed_and_step(folder: Path) -> None:
    pairs = load_pairs([folder], scale=2, bicubic=True)
    one, two = (Patches(pairs, scale=2, batch=3, patch=8, seed=1) for _ in range(2))
    one(0)
    for a, b in zip(one(7), two(7), strict=True):
        assert torch.equal(a, b)
    other = Patches(pairs, scale=2, batch=3, patch=8, seed=2)
    assert not torch.equal(one(7)[0], other(7)[0])
    assert not torch.equal(one(7)[0], one(8)[0])


def test_patches_are_aligned_with_their_low_resolution(folder: Path) -> None:
    pairs = load_pairs([folder], scale=2, bicubic=True)
    lr, hr = Patches(pairs, scale=2, batch=8, patch=12, seed=0)(3)
    for small, large in zip(lr, hr, strict=True):
        again = imresize(large.permute(1, 2, 0).double().numpy(), 0.5)
        np.testing.assert_allclose(again[3:-3, 3:-3], small.permute(1, 2, 0).numpy()[3:-3, 3:-3], atol=2.1 / 255)


def test_degraded_patches_have_the_right_shape(folder: Path) -> None:
    pairs = load_pairs([folder], scale=2, bicubic=False)
    lr, hr = Patches(pairs, scale=2, batch=4, patch=10, seed=0, degrade=Photo(scale=2))(0)
    assert lr.shape == (4, 3, 10, 10)
    assert hr.shape == (4, 3, 20, 20)


def test_resuming_gives_the_same_weights_to_the_bit(folder: Path, tmp_path: Path) -> None:
    batches = Patches(load_pairs([folder], scale=2, bicubic=True), scale=2, batch=2, patch=8, seed=1)
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
    batches = Patches(load_pairs([folder], scale=2, bicubic=True), scale=2, batch=4, patch=8, seed=1)
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


def test_folders_without_use_are_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match="no pictures"):
        load_pairs([tmp_path / "nothing"], scale=2, bicubic=True)
    with pytest.raises(BadRequest, match="no training picture has 200 pixels"):
        Patches(load_pairs([folder], scale=2, bicubic=True), scale=2, batch=1, patch=100, seed=0)
