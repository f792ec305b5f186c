"""Patches: functions of (seed, epoch, index), cut exactly, shared out exactly, and refused with a reason."""

import itertools
import logging
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from drawn import Dimmed, Same, folder_of, noise
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from superres.data.augment import Augment, turn
from superres.data.device_data import DeviceData
from superres.data.patches import Patches
from superres.data.pictures import Pictures
from superres.data.plan import Plan, gather
from superres.data.stream import order, share, stream
from superres.images.resize import imresize
from superres.terms.sample import Sample
from superres.terms.source import Source
from superres.types import BadInput, BadRequest

STILL = Augment(flip=False, rotate=False)
EVERYTHING = Augment(shuffle=0.5, mixup=0.5, cutblur=0.5)
SIZES = [(40, 50), (44, 41), (60, 48), (41, 40)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return folder_of(tmp_path_factory.mktemp("patches") / "hr", SIZES)


def patches(folder: Path, **how: Any) -> Patches:
    return Patches(Pictures(folder, cache="memory"), **{"scale": 2, "patch": 16, "batch": 4, "seed": 1, **how})


def equal(a: Sample, b: Sample) -> bool:
    return torch.equal(a["lr"], b["lr"]) and torch.equal(a["hr"], b["hr"]) and a["name"] == b["name"]


def joined(parts: list[Sample]) -> Sample:
    tensors = {key: torch.cat([part[key] for part in parts]) for key in ("lr", "hr")}
    return {**tensors, "name": [name for part in parts for name in part["name"]]}


KINDS: dict[str, dict[str, Any]] = {
    "bicubic": {},
    "area": {"weights": "area"},
    "everything": {"augment": EVERYTHING, "enlarge": "nearest"},
    "enlarged": {"enlarge": "bicubic", "augment": EVERYTHING},
    "degraded": {"degradation": Dimmed(2), "margin": 4, "augment": Augment(mixup=0.5)},
    "same size": {"degradation": Same(), "augment": Augment(cutblur=0.5)},
    "scales": {"scale": (2, 4), "degradation": (Dimmed(2), Dimmed(4)), "margin": 2},
    "scales bicubic": {"scale": (1, 2, 4)},
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_batch_is_a_function_of_seed_and_step_and_its_shares_make_it_up(folder: Path, kind: str) -> None:
    source = patches(folder, **KINDS[kind])
    assert isinstance(source, Source)
    kept = {step: source(step) for step in (0, 1, 7)}
    again = patches(folder, **KINDS[kind])
    for step in (7, 0, 1):
        whole = again(step)
        assert equal(whole, kept[step])
        for parts in (2, 4):
            assert equal(joined([source(step, (k, parts)) for k in range(parts)]), whole)
        assert whole["lr"].is_contiguous(memory_format=torch.channels_last)
        assert whole["hr"].is_contiguous(memory_format=torch.channels_last)
        assert whole["hr"].dtype == whole["lr"].dtype == torch.float32
        assert whole["hr"].shape == (4, 3, 16, 16)
        assert 0 <= float(whole["lr"].min()) <= float(whole["lr"].max()) <= 1
    assert not torch.equal(kept[0]["hr"], kept[1]["hr"])
    assert not torch.equal(kept[0]["hr"], patches(folder, **{**KINDS[kind], "seed": 2})(0)["hr"])


@pytest.mark.parametrize("kind", KINDS)
def test_data_on_the_device_is_the_same_to_the_bit(folder: Path, kind: str) -> None:
    host = patches(folder, **KINDS[kind])
    device = DeviceData(host, device="cpu")
    assert isinstance(device, Source)
    assert device.facts() == host.facts()
    for step in range(8):
        assert equal(device(step), host(step))
        assert equal(device(step, (1, 2)), host(step, (1, 2)))


def test_index_arithmetic_is_turning_for_every_turn_and_order(folder: Path) -> None:
    host = patches(folder, scale=1)
    orders = [None, *itertools.permutations(range(3))]
    plans = [Plan(1, 3, 5, how, bands, None, (0, 0)) for how in range(8) for bands in orders]
    found = DeviceData(host, device="cpu")._hr.gather(plans, size=9, step=2)
    expected = gather(host.hr, plans, size=9, step=2)
    np.testing.assert_array_equal(found.numpy(), expected)
    crop = noise(*SIZES[1], 1)[6:15, 10:19]
    for plan, one in zip(plans, expected, strict=True):
        mirrored = crop[:, ::-1] if plan.turn >= 4 else crop
        np.testing.assert_array_equal(one, np.rot90(mirrored, plan.turn % 4)[..., plan.order or (0, 1, 2)])


@pytest.mark.parametrize("scale", [2, 3])
@pytest.mark.parametrize("enlarge", ["none", "nearest", "bicubic"])
def test_input_is_cut_from_matlabs_reduction_of_the_whole_picture(folder: Path, scale: int, enlarge: str) -> None:
    source = patches(folder, scale=scale, patch=12, batch=16, enlarge=enlarge, augment=STILL)
    for step in range(3):
        sample = source(step)
        _, plans = source.plans(step)
        for k, plan in enumerate(plans):
            hr = source.hr[plan.picture]
            hr = hr[: hr.shape[0] // scale * scale, : hr.shape[1] // scale * scale]
            low = imresize(hr, 1 / scale)
            if enlarge != "none":
                low = imresize(low, scale) if enlarge == "bicubic" else low.repeat(scale, 0).repeat(scale, 1)
            f = 1 if enlarge != "none" else scale
            y, x = plan.top * scale, plan.left * scale
            box = np.s_[y // f : (y + 12) // f, x // f : (x + 12) // f]
            np.testing.assert_array_equal(sample["hr"][k].permute(1, 2, 0) * 255, hr[y : y + 12, x : x + 12])
            np.testing.assert_allclose(sample["lr"][k].permute(1, 2, 0) * 255, low[box], rtol=1e-6)


def test_input_and_target_turn_together(folder: Path) -> None:
    """MATLAB's reduction commutes with turning up to rounding, so inner pixels tell whether the two are aligned."""
    source = patches(folder, patch=24, batch=32)
    sample = source(0)
    assert {plan.turn for plan in source.plans(0)[1]} == set(range(8))
    for low, high in zip(sample["lr"], sample["hr"], strict=True):
        again = imresize(high.permute(1, 2, 0).double().numpy(), 0.5)
        np.testing.assert_allclose(again[3:-3, 3:-3], low.permute(1, 2, 0)[3:-3, 3:-3], atol=2.1 / 255)


def test_a_degraded_patch_is_the_deed_of_its_draw_on_the_larger_crop(folder: Path) -> None:
    source = patches(folder, degradation=Dimmed(2), margin=6, batch=16)
    sample = source(3)
    _, plans = source.plans(3)
    assert {plan.shift for plan in plans} - {(0, 0)}
    for k, plan in enumerate(plans):
        size = (8 + 6) * 2
        crop = source.hr[plan.picture][plan.top * 2 : plan.top * 2 + size, plan.left * 2 : plan.left * 2 + size]
        crop = turn(crop, plan.turn) / 255
        (i, j) = plan.shift
        np.testing.assert_allclose(
            sample["hr"][k].permute(1, 2, 0), crop[2 * i : 2 * i + 16, 2 * j : 2 * j + 16], atol=1e-6
        )
        assert plan.draw is not None
        low = crop[::2, ::2][i : i + 8, j : j + 8] * plan.draw["gain"]
        np.testing.assert_allclose(sample["lr"][k].permute(1, 2, 0), low, atol=1e-6)


def test_every_picture_comes_once_an_epoch(folder: Path) -> None:
    source = patches(folder, batch=3)
    names = [name for step in range(8) for name in source(step)["name"]]
    for epoch in range(6):
        assert sorted(names[4 * epoch : 4 * epoch + 4]) == [f"p{k}.png" for k in range(4)]
    assert len({tuple(names[4 * epoch : 4 * epoch + 4]) for epoch in range(6)}) > 1
    assert source.facts()["per_epoch"] == 4


def test_the_same_picture_is_cut_elsewhere_in_the_next_epoch(folder: Path) -> None:
    source = patches(folder, batch=4)
    places = {(plan.picture, plan.top, plan.left, plan.turn) for step in range(20) for plan in source.plans(step)[1]}
    assert len(places) > 70


def test_weights_by_area_are_proportional_to_it(tmp_path: Path) -> None:
    source = Patches(
        folder_of(tmp_path / "hr", [(20, 20), (20, 60), (40, 40)]).as_posix(), scale=2, patch=8, weights="area"
    )
    drawn = Counter(plan.picture for step in range(250) for plan in source.plans(step)[1])
    shares = np.array([drawn[k] for k in range(3)]) / 4000
    np.testing.assert_allclose(shares, np.array([400, 1200, 1600]) / 3200, atol=0.03)


def test_crops_reach_every_corner(tmp_path: Path) -> None:
    source = Patches(folder_of(tmp_path / "hr", [(13, 15)]), scale=2, patch=8, batch=64)
    places = {(plan.top, plan.left) for step in range(4) for plan in source.plans(step)[1]}
    assert places == set(itertools.product(range(3), range(4)))


def test_each_batch_has_one_scale_and_all_come(folder: Path) -> None:
    source = patches(folder, scale=(1, 2, 4))
    found = [source(step) for step in range(24)]
    assert {sample["scale"] for sample in found} == {1, 2, 4}
    for sample in found:
        assert sample["lr"].shape[-1] * sample["scale"] == 16


def test_mixing_is_the_stated_share_of_two_whole_samples(folder: Path) -> None:
    source = patches(folder, augment=Augment(mixup=1.0), batch=8)
    sample, (_, plans) = source(0), source.plans(0)
    for k, plan in enumerate(plans):
        assert plan.other is not None
        assert 0 < plan.share < 1
        own, other = (gather(source.hr, [one], size=16, step=2)[0] / 255 for one in (plan, plan.other))
        np.testing.assert_allclose(
            sample["hr"][k].permute(1, 2, 0), plan.share * own + (1 - plan.share) * other, atol=1e-6
        )


def test_cutblur_exchanges_a_part_of_input_and_target(folder: Path) -> None:
    how = {"enlarge": "nearest", "batch": 16}
    mixed = patches(folder, augment=Augment(cutblur=1.0), **how)
    plain = patches(folder, **how)
    for step in range(2):
        a, b = mixed(step), plain(step)
        assert torch.equal(a["hr"], b["hr"])
        for k, plan in enumerate(mixed.plans(step)[1]):
            assert plan.cut is not None
            top, left, height, width, inside = plan.cut
            assert 10 <= height == width <= 12
            mask = torch.zeros(16, 16, dtype=torch.bool)
            mask[top : top + height, left : left + width] = True
            sharp = mask if inside else ~mask
            assert torch.equal(a["lr"][k], torch.where(sharp, b["hr"][k], b["lr"][k]))


def test_flips_alone_and_turns_alone(folder: Path) -> None:
    def seen(augment: Augment) -> set[int]:
        source = patches(folder, augment=augment, batch=64)
        return {plan.turn for plan in source.plans(0)[1]}

    assert seen(STILL) == {0}
    assert seen(Augment(rotate=False)) == {0, 2, 4, 6}
    assert seen(Augment(flip=False)) == {0, 1, 2, 3}
    assert seen(Augment()) == set(range(8))


@settings(max_examples=60, deadline=None)
@given(how=st.integers(0, 7), size=st.integers(1, 6))
def test_turns_keep_the_pixels_and_four_quarters_are_none(how: int, size: int) -> None:
    x = np.arange(size * size * 3).reshape(size, size, 3)
    assert sorted(turn(x, how).ravel()) == sorted(x.ravel())
    y = x
    for _ in range(4 if how < 4 else 2):
        y = turn(y, how)
    np.testing.assert_array_equal(y, x)


def test_gray_and_sixteen_bits_go_through(tmp_path: Path) -> None:
    gray = Patches(folder_of(tmp_path / "gray", [(20, 20)], bands=1), scale=2, patch=8, augment=Augment(shuffle=1))(0)
    assert gray["lr"].shape == (16, 1, 4, 4)
    eight = folder_of(tmp_path / "eight", [(20, 20)], bands=1)
    (tmp_path / "sixteen").mkdir()
    wide = noise(20, 20, 0, bands=1).astype(np.uint16) * 257
    Image.fromarray(wide).save(tmp_path / "sixteen" / "p0.png")
    a, b = (Patches(path, scale=1, patch=8)(0) for path in (eight, tmp_path / "sixteen"))
    assert torch.equal(a["hr"], b["hr"])
    mixed = Patches([eight, tmp_path / "sixteen"], scale=1, patch=8)
    assert equal(joined([mixed(0, (k, 16)) for k in range(16)]), mixed(0))
    with pytest.raises(BadRequest, match=r"sixteen/p0.png has more than 8 bits"):
        DeviceData(mixed, device="cpu")


def test_pairs_from_folders_are_cut_together(tmp_path: Path) -> None:
    folder_of(tmp_path / "hr", [(24, 30), (28, 26)])
    (tmp_path / "lr").mkdir()
    for k, (h, w) in enumerate([(24, 30), (28, 26)]):
        Image.fromarray(noise(h, w, k)[::2, ::2]).save(tmp_path / "lr" / f"p{k}x2.png")
    source = Patches(tmp_path / "hr", lr=tmp_path / "lr", scale=2, patch=8, augment=STILL)
    sample = source(0)
    assert torch.equal(sample["lr"], sample["hr"][..., ::2, ::2])
    given_ = Patches(tmp_path / "hr", lr=tmp_path / "hr", scale=2, patch=8, enlarge="given")(5)
    assert torch.equal(given_["lr"], given_["hr"])


def test_streams_are_philox_at_the_stated_place() -> None:
    plain = np.random.Generator(np.random.Philox(key=2**40 + 3, counter=[0, 0, 5, 9]))
    ours = stream(2**40 + 3, 5, 9)
    np.testing.assert_array_equal(ours.random(50), plain.random(50))
    np.testing.assert_array_equal(ours.integers(1000, size=50), plain.integers(1000, size=50))
    np.testing.assert_array_equal(np.sort(order(3, 1, 50)), np.arange(50))
    assert not np.array_equal(order(3, 1, 50), order(3, 2, 50))
    first = stream(1, 0, 0)
    second = stream(1, 0, 1)
    assert first.random() != second.random()  # two at once do not disturb each other


def test_shares_that_do_not_divide_name_a_batch_that_does() -> None:
    assert list(share(3, 6, (1, 3))) == [20, 21]
    with pytest.raises(BadRequest, match="batch of 6 cannot be shared out to 4; take a multiple of it, such as 8"):
        share(0, 6, (0, 4))
    for step, part in ((-1, (0, 1)), (0, (2, 2)), (0, (0, 0))):
        with pytest.raises(BadRequest, match="is not there"):
            share(step, 6, part)


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"patch": 17}, "patch=17 is no multiple of 2, as x2 needs; take 16"),
        ({"patch": 1}, "take 2"),
        ({"scale": (2, 3), "patch": 16}, "no multiple of 6, as x2, x3 needs; take 18"),
        ({"scale": 0}, "scale=0"),
        ({"scale": (2, 2)}, "several different"),
        ({"batch": 0}, "batch=0"),
        ({"seed": -1}, "seed -1"),
        ({"margin": -1}, "margin=-1"),
        ({"degradation": Dimmed(3)}, "reduces by 3, the patches want 2"),
        ({"degradation": (Dimmed(2), Dimmed(2))}, "one for each"),
        ({"degradation": Dimmed(2), "enlarge": "bicubic"}, "inside the degradation"),
        ({"degradation": Same(), "enlarge": "nearest"}, "already"),
        ({"enlarge": "given"}, "name it as lr"),
        ({"enlarge": "lanczos"}, "use one of none, nearest"),
        ({"augment": Augment(cutblur=1)}, "CutBlur .* enlarge='nearest'"),
        ({"weights": "size"}, "equal or area"),
        ({"degradation": Dimmed(2), "lr": "somewhere"}, "both given"),
    ],
)
def test_what_cannot_be_is_refused_with_what_could(folder: Path, how: dict[str, Any], message: str) -> None:
    with pytest.raises(BadRequest, match=message):
        patches(folder, **how)


@pytest.mark.parametrize("how", [{"shuffle": 2}, {"mixup": -0.1}, {"mixup_alpha": 0}, {"cutblur_alpha": 1}])
def test_augmentations_that_are_no_probabilities_are_refused(how: dict[str, float]) -> None:
    with pytest.raises(BadRequest, match=next(iter(how))):
        Augment(**how)  # type: ignore[arg-type]


def test_pictures_smaller_than_the_patch_stop_or_are_left_out(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(
        BadInput, match=r"3 of 4 .* 44 x 44 pixels of a crop: p0.png \(50 x 40\), p1.png .*small='skip'"
    ):
        patches(folder, patch=44)
    with caplog.at_level(logging.WARNING, "superres.data"):
        source = patches(folder, patch=40, degradation=Dimmed(2), margin=2, small="skip")
    assert "p0.png" in caplog.text
    assert {name for step in range(4) for name in source(step)["name"]} == {"p2.png"}
    with pytest.raises(BadInput, match="larger pictures"):
        patches(folder, patch=100, small="skip")


def test_a_device_that_is_not_there_is_told(folder: Path) -> None:
    with pytest.raises(BadRequest, match="device 'nonsense' cannot be used"):
        DeviceData(patches(folder), device="nonsense")
