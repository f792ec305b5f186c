"""Learning from one picture: repeatable, stopped at any time with the best so far, never worse than bicubic."""

from pathlib import Path

import numpy as np
import pytest
import torch

from superres.images.resize import imresize
from superres.runtime.learning import Lesson
from superres.runtime.opening import learnt_network
from superres.train.one_picture import KernelReduction, Learner
from superres.types import BadInput, BadRequest


def stripes(side=40, bands=3):
    """Slanted edges, which repeat across scales."""
    y, x = np.mgrid[0:side, 0:side]
    wave = np.clip(4 * np.sin((x + 0.37 * y) / 2.6) + 0.5, 0, 1)
    return np.stack([np.round(255 * wave * (1 - 0.2 * b)) for b in range(bands)], -1).astype(np.uint8)


def lesson(picture, **changed):
    asked = {
        "pictures": [picture],
        "scale": 2,
        "budget": None,
        "steps": 6,
        "seed": 0,
        "kernel": None,
        "threads": 1,
        "stop": lambda: False,
        "tell": lambda _part, _text: None,
    }
    return Lesson(**{**asked, **changed})


def weights(learnt):
    return {key: value.copy() for key, value in learnt.graph.weights.items()}


@pytest.fixture(scope="module")
def learnt():
    return Learner().learn(lesson(stripes(), steps=200))


def test_what_was_learnt_beats_bicubic_on_the_picture_itself(learnt):
    assert learnt.ended == "steps"
    assert learnt.steps == 200
    assert learnt.psnr > learnt.bicubic + 1
    assert learnt.warnings == ()
    network = learnt_network("zssr", 2, learnt.graph)
    x = imresize(stripes(), 0.5)
    made = network.open("torch", "cpu", 1)((x.transpose(2, 0, 1)[None] / np.float32(255)).astype(np.float32))
    error = made[0].clip(0, 1).transpose(1, 2, 0) - stripes() / 255
    assert 10 * np.log10(1 / np.mean(error**2)) == pytest.approx(learnt.psnr, abs=1e-3)


def test_the_same_seed_and_steps_give_the_same_bits(learnt):
    again = Learner().learn(lesson(stripes(), steps=200))
    assert again.psnr == learnt.psnr
    first, second = weights(learnt), weights(again)
    assert first.keys() == second.keys()
    assert all(np.array_equal(first[key], second[key]) for key in first)
    other = Learner().learn(lesson(stripes(), steps=200, seed=1))
    assert other.psnr != learnt.psnr


def test_stopping_early_keeps_the_best_so_far_and_says_so():
    told = []
    stopped = Learner().learn(
        lesson(stripes(), steps=5000, stop=lambda: len(told) >= 60, tell=lambda part, text: told.append((part, text)))
    )
    assert stopped.ended == "interrupt"
    assert stopped.steps == 61
    assert stopped.graph is not None or stopped.psnr <= stopped.bicubic
    assert "interrupted" in stopped.warnings[0]
    parts = [part for part, _ in told]
    assert parts == sorted(parts)
    assert "dB after" in told[-1][1]


def test_a_budget_ends_it():
    learnt = Learner().learn(lesson(stripes(), budget=1.0, steps=None))
    assert learnt.ended == "budget"
    assert learnt.steps >= 1
    assert learnt.as_dict()["steps"] == learnt.steps


def test_where_nothing_better_was_learnt_bicubic_is_used():
    learnt = Learner().learn(lesson(stripes(), steps=1))
    assert learnt.graph is None
    assert learnt.as_dict()["used"] == "bicubic"
    assert learnt_network("zssr", 2, None).name == "bicubic-x2"


@pytest.mark.parametrize("value", [0, 128, 255])
def test_a_constant_picture_is_no_trouble(value):
    learnt = Learner().learn(lesson(np.full((20, 24, 1), value, np.uint8), steps=3))
    assert learnt.graph is None  # bicubic is exact here
    assert learnt.as_dict()["bicubic"] is None


def test_a_picture_too_small_is_refused():
    with pytest.raises(BadRequest, match="too small to learn x4"):
        Learner().learn(lesson(np.zeros((31, 40, 3), np.uint8), scale=4))


def test_the_number_of_threads_is_put_back():
    before = torch.get_num_threads()
    Learner().learn(lesson(stripes(), steps=1, threads=before + 1))
    assert torch.get_num_threads() == before


@pytest.mark.parametrize(("scale", "channels"), [(2, 3), (3, 1), (4, 3)])
def test_the_graph_for_planning_has_the_shape_of_what_is_learnt(scale, channels, learnt):
    graph = Learner().graph(scale, channels)
    assert (graph.scale, graph.channels) == (scale, channels)
    if scale == 2:
        assert graph.operations == learnt.graph.operations


def lopsided(path: Path) -> Path:
    """A kernel whose weight lies far from the middle of its grid."""
    kernel = np.zeros((9, 8))
    kernel[1:4, 5:8] = [[1, 2, 1], [2, 5, 2], [1, 2, 1]]
    np.save(path / "kernel.npy", kernel)
    return path / "kernel.npy"


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_a_known_kernel_moves_nothing_whatever_its_centre(scale, tmp_path):
    """A ramp stays a ramp under any blur: each son's sample is the ramp at the middle of the cell it stands for."""
    side = 24 * scale
    y, x = np.mgrid[0:side, 0:side].astype(np.float64)
    father = np.stack([x, y], -1).astype(np.float32) / side
    son = KernelReduction(lopsided(tmp_path))(father, scale)
    assert son.shape == (24, 24, 2)
    middles = (scale * np.arange(24) + (scale - 1) / 2) / side
    inner = slice(6, -6)
    assert np.abs(son[inner, inner, 0] - middles[None, inner]).max() < 1e-5
    assert np.abs(son[inner, inner, 1] - middles[inner, None]).max() < 1e-5


def test_a_known_kernel_is_what_sons_are_made_with(tmp_path):
    x = stripes(48)
    son = KernelReduction(lopsided(tmp_path))(x, 2)
    assert son.dtype == np.uint8
    assert np.abs(son.astype(int) - imresize(x, 0.5)).max() > 5
    learnt = Learner().learn(lesson(x, steps=30, kernel=lopsided(tmp_path)))
    assert learnt.psnr != Learner().learn(lesson(x, steps=30)).psnr


def test_a_file_without_a_kernel_is_named(tmp_path):
    (tmp_path / "kernel.npy").write_bytes(b"nothing")
    with pytest.raises(BadInput, match=r"kernel\.npy"):
        Learner().learn(lesson(stripes(), kernel=tmp_path / "kernel.npy"))
