"""Fathers and sons of one picture."""

import numpy as np
import pytest
import torch

from superres.data.one_picture import LEAST, OnePicture, unit
from superres.images.resize import imresize
from superres.terms.source import Source
from superres.types import BadInput, BadRequest


def picture(height=70, width=58, bands=3, dtype=np.uint8, seed=0):
    x = np.random.default_rng(seed).random((height, width, bands))
    return x.astype(np.float32) if dtype == np.float32 else np.round(x * np.iinfo(dtype).max).astype(dtype)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("scale", [2, 3, 4])
def test_every_son_is_its_father_reduced_as_pictures_are(scale, dtype):
    x = picture(dtype=dtype)
    source = OnePicture([x], scale)
    assert len(source.whole) == scale**2
    for pair in source.whole + source.smaller:
        assert pair.son.dtype == dtype
        assert (np.array(pair.father.shape[:2]) == scale * np.array(pair.son.shape[:2])).all()
        assert min(pair.son.shape[:2]) >= LEAST
        assert np.array_equal(pair.son, imresize(pair.father, 1 / scale))
    high, wide = (side // scale * scale for side in x.shape[:2])
    assert np.array_equal(source.whole[0].father, x[:high, :wide])


@pytest.mark.parametrize("scale", [2, 3])
def test_crops_of_father_and_son_show_the_same_place_however_they_are_turned(scale):
    source = OnePicture([picture(120, 100, dtype=np.float32)], scale, crop=16, as_is=0.5)
    for step in range(24):
        sample = source(step)
        hr = sample["hr"][0].permute(1, 2, 0).numpy()
        lr = sample["lr"][0].permute(1, 2, 0).numpy()
        assert (hr.shape[:2], lr.shape[:2]) == ((16 * scale, 16 * scale), (16, 16))
        assert np.abs(imresize(hr, 1 / scale) - lr)[3:-3, 3:-3].max() < 1e-5


def test_shares_make_up_the_batch_and_depend_on_seed_and_step_alone():
    x = picture()
    source, again = OnePicture([x], 2, batch=4, seed=3), OnePicture([x], 2, batch=4, seed=3)
    whole = source(7)
    again(2)
    shares = [again(7, (k, 2)) for k in (1, 0)][::-1]
    assert isinstance(source, Source)
    for key in ("lr", "hr"):
        assert torch.equal(whole[key], torch.cat([share[key] for share in shares]))
        assert whole[key].is_contiguous(memory_format=torch.channels_last)
        assert not torch.equal(whole[key], source(8)[key])
    assert whole["name"] == [name for share in shares for name in share["name"]]
    assert not torch.equal(whole["lr"], OnePicture([x], 2, batch=4, seed=4)(7)["lr"])
    with pytest.raises(BadRequest, match="equally over 3"):
        source(0, (0, 3))


def test_all_phases_and_smaller_copies_are_seen():
    x = np.zeros((64, 64, 1), np.uint8)
    x[...] = np.arange(64)[:, None, None]
    source = OnePicture([x], 2, as_is=1.0)
    first_rows = {int(pair.father[0, 0, 0]) for pair in source.whole}
    assert first_rows == {0, 1}
    sides = [pair.father.shape[0] for pair in OnePicture([x], 2).smaller]
    assert len(set(sides)) == 6
    assert min(sides) >= 0.6 * 64 - 1


def test_facts_tell_pictures_apart():
    x = picture()
    facts = OnePicture([x], 2).facts()
    assert facts["pictures"] == 1
    assert facts == OnePicture([x.copy()], 2).facts()
    assert facts["content"] != OnePicture([picture(seed=1)], 2).facts()["content"]


def test_unit_keeps_values_and_places():
    x = np.arange(24, dtype=np.uint8).reshape(1, 2, 3, 4)
    made = unit(x, 255.0)
    assert made.shape == (1, 4, 2, 3)
    assert torch.equal(made, torch.from_numpy(x).permute(0, 3, 1, 2).float() / 255)


def test_what_cannot_be_learnt_from_is_refused_with_a_reason():
    with pytest.raises(BadRequest, match="40x31 is too small to learn x4 from; wanted at least 32x32"):
        OnePicture([picture(31, 40)], 4)
    OnePicture([picture(32, 32)], 4)
    broken = picture(dtype=np.float32)
    broken[3, 4] = np.nan
    with pytest.raises(BadInput, match="NaN"):
        OnePicture([broken], 2)
    with pytest.raises(BadRequest, match="float64"):
        OnePicture([np.zeros((40, 40, 3))], 2)
    with pytest.raises(BadRequest, match="no picture"):
        OnePicture([], 2)
