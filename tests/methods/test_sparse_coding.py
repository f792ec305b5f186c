"""The ancestor: its steps against independent references, its laws, its dictionaries."""

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import save_file

from superres.images.resize import imresize
from superres.methods.sparse_coding import (
    DICTIONARIES,
    SparseCoding,
    gradients,
    overlapped,
    patches,
    pursuit,
    regressors,
)
from superres.recipes.sparse_coding import components, make
from superres.runtime.baselines import Bicubic
from superres.types import BadModel, BadRequest, Upscaler


def noise(*shape, seed=0):
    return np.random.default_rng(seed).random(shape).astype(np.float32)


def unit(atoms, width, seed=0):
    x = np.random.default_rng(seed).normal(size=(atoms, width)).astype(np.float32)
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def random_dictionaries(path, scale, atoms=48, width=20):
    patch = (3 * scale) ** 2
    basis = np.linalg.qr(np.random.default_rng(1).normal(size=(4 * patch, width)))[0].T
    held = {"components": basis, "low": unit(atoms, width), "high": 0.1 * noise(atoms, patch)}
    save_file({key: np.ascontiguousarray(one, np.float32) for key, one in held.items()}, path)
    return str(path)


@pytest.mark.parametrize("count", [1, 3, 5])
def test_pursuit_is_that_of_scikit_learn(count):
    from sklearn.linear_model import orthogonal_mp

    atoms, y = unit(60, 20), noise(40, 20, seed=3) - 0.5
    chosen, weights = pursuit(y, atoms, count)
    dense = np.zeros((40, 60))
    np.put_along_axis(dense, chosen, weights, axis=1)
    wanted = orthogonal_mp(atoms.T.astype(float), y.T.astype(float), n_nonzero_coefs=count).T
    assert np.abs(dense - wanted).max() < 1e-4


def test_regressors_are_ridge_regressions_on_the_nearest_atoms():
    low, high = unit(30, 8), noise(30, 36)
    made = regressors(low, high, 12, 0.01)
    for k in (0, 17):
        near = sorted(range(30), key=lambda j: -abs(float(low[k] @ low[j])))[:12]
        small, large = low[near].T.astype(float), high[near].T.astype(float)  # columns are atoms, as in the paper
        wanted = large @ np.linalg.inv(small.T @ small + 0.01 * np.eye(12)) @ small.T
        assert np.abs(made[k] - wanted).max() < 1e-4


def test_with_all_atoms_as_neighbours_every_anchor_has_the_same_matrix():
    low, high = unit(30, 8), noise(30, 36)
    made = regressors(low, high, 30, 0.01)
    assert made.shape == (30, 36, 8)
    assert (made == made[0]).all()
    wanted = high.T @ np.linalg.inv(low @ low.T + 0.01 * np.eye(30)) @ low
    assert np.abs(made[3] - wanted).max() < 1e-3


def test_gradients_of_a_ramp_are_constant_and_of_a_constant_nothing():
    assert np.abs(gradients(np.full((9, 9), 0.7, np.float32), 3)).max() < 1e-6
    x = np.broadcast_to(np.arange(20, dtype=np.float32), (20, 20))
    across = gradients(np.ascontiguousarray(x), 2)[:, 4:-4, 4:-4]
    assert np.allclose(across, np.array([0, 2, 0, 0])[:, None, None])


@pytest.mark.parametrize("scale", [2, 3])
def test_patches_put_back_give_the_picture(scale):
    x = noise(scale * 9, scale * 8)
    assert np.abs(overlapped(patches(x[None], scale).reshape(7, 6, -1), scale) - x[2 * scale : -2 * scale, 2 * scale : -2 * scale]).max() < 1e-6  # fmt: skip  # noqa: E501


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_the_mean_of_overlapping_patches_is_a_convolution(scale):
    import torch
    import torch.nn.functional as F

    details = noise(8, 7, 9 * scale * scale)
    kernel = np.zeros((scale * scale, 9 * scale * scale, 3, 3), np.float32)
    for a, b, i, j in np.ndindex(3, 3, scale, scale):
        kernel[i * scale + j, ((a * scale + i) * 3 + b) * scale + j, 2 - a, 2 - b] = 1 / 9
    maps = torch.from_numpy(details).permute(2, 0, 1)[None]
    made = F.pixel_shuffle(F.conv2d(maps, torch.from_numpy(kernel)), scale)[0, 0].numpy()
    assert np.abs(made - overlapped(details, scale)).max() < 1e-6


@pytest.mark.parametrize("solver", ["omp", "anr"])
@pytest.mark.parametrize("scale", [2, 3, 4])
def test_a_tile_with_its_halo_is_the_same_part_of_the_whole(scale, solver, tmp_path):
    file = random_dictionaries(tmp_path / "d.safetensors", scale)
    upscaler = SparseCoding(scale=scale, solver=solver, file=file)
    assert isinstance(upscaler, Upscaler)
    x = noise(1, 3, 30, 32)
    whole, rim = upscaler(x), upscaler.halo
    assert whole.shape == (1, 3, 30 * scale, 32 * scale)
    part = upscaler(x[:, :, 10 - rim : 20 + rim, 12 - rim : 22 + rim])
    inner = part[:, :, scale * rim : -scale * rim, scale * rim : -scale * rim]
    assert np.abs(inner - whole[:, :, scale * 10 : scale * 20, scale * 12 : scale * 22]).max() < 1e-4


def test_colour_is_bicubic_and_gray_is_luma(tmp_path):
    file = random_dictionaries(tmp_path / "d.safetensors", 2)
    upscaler = SparseCoding(scale=2, file=file)
    gray = noise(1, 1, 12, 13)
    assert np.abs(upscaler(np.repeat(gray, 3, axis=1)) - upscaler(gray)).max() < 1e-5
    x = noise(1, 3, 12, 13)
    difference = upscaler(x) - Bicubic(2)(x)
    assert np.abs(difference).max() > 1e-3
    assert np.abs(difference - difference[:, :1]).max() < 1e-5  # all three bands move by the luma alone
    assert upscaler(noise(2, 5, 12, 13)).shape == (2, 5, 24, 26)


def test_a_constant_stays_constant(tmp_path):
    file = random_dictionaries(tmp_path / "d.safetensors", 3)
    for solver in ("omp", "anr"):
        assert (
            np.abs(SparseCoding(scale=3, solver=solver, file=file)(np.full((1, 1, 9, 8), 0.4, np.float32)) - 0.4).max()
            < 1e-5
        )


def test_components_keep_the_energy_asked_for():
    x = noise(500, 12) * np.array([10, 5, 1] + [0.01] * 9, np.float32)
    kept = components(x, 0.99)
    assert np.abs(kept @ kept.T - np.eye(len(kept))).max() < 1e-5
    share = ((x @ kept.T) ** 2).sum() / (x**2).sum()
    fewer = ((x @ kept[:-1].T) ** 2).sum() / (x**2).sum()
    assert share >= 0.99 > fewer


def test_the_recipe_makes_dictionaries_that_beat_bicubic(tmp_path):
    y, x = np.mgrid[0:72, 0:72]
    folder = tmp_path / "pictures"
    folder.mkdir()
    for k in range(3):
        wave = np.clip(3 * np.sin((x + (0.3 + 0.5 * k) * y) / 3.1) + 0.5, 0, 1)
        Image.fromarray(np.repeat(np.round(255 * wave).astype(np.uint8)[..., None], 3, 2)).save(folder / f"{k}.png")
    held = make(folder, 2, atoms=64, most=1500, rounds=3)
    save_file(held, tmp_path / "made.safetensors")
    hr = np.clip(3 * np.sin((x + 0.6 * y) / 3.1) + 0.5, 0, 1).astype(np.float32)
    lr = imresize(hr, 0.5)[None, None]
    inner = np.s_[8:-8, 8:-8]
    before = np.mean((Bicubic(2)(lr)[0, 0] - hr)[inner] ** 2)
    for solver in ("omp", "anr"):
        made = SparseCoding(scale=2, solver=solver, neighbours=20, file=str(tmp_path / "made.safetensors"))(lr)[0, 0]
        assert np.mean((made - hr)[inner] ** 2) < 0.6 * before
    again = make(folder, 2, atoms=64, most=1500, rounds=3)
    assert all(np.array_equal(held[key], again[key]) for key in held)


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_the_dictionaries_in_the_package_open(scale):
    file = DICTIONARIES / f"t91-x{scale}.safetensors"
    assert file.stat().st_size < 2e6
    assert SparseCoding(scale=scale)(noise(1, 1, 8, 9)).shape == (1, 1, 8 * scale, 9 * scale)


def test_wrong_files_and_settings_are_named(tmp_path):
    (tmp_path / "broken.safetensors").write_bytes(b"nothing")
    save_file({"weight": np.zeros((2, 2), np.float32)}, tmp_path / "other.safetensors")
    three = random_dictionaries(tmp_path / "three.safetensors", 3)
    with pytest.raises(BadModel, match=r"broken\.safetensors"):
        SparseCoding(scale=2, file=str(tmp_path / "broken.safetensors"))
    with pytest.raises(BadModel, match="cannot be read"):
        SparseCoding(scale=2, file=str(tmp_path / "absent.safetensors"))
    with pytest.raises(BadModel, match="wanted matrices components, low and high"):
        SparseCoding(scale=2, file=str(tmp_path / "other.safetensors"))
    with pytest.raises(BadModel, match="not of scale 2"):
        SparseCoding(scale=2, file=three)
    with pytest.raises(BadRequest, match="scale 7"):
        SparseCoding(scale=7)
    with pytest.raises(BadRequest, match="lasso"):
        SparseCoding(scale=3, solver="lasso", file=three)
    with pytest.raises(BadRequest, match="take fewer"):
        SparseCoding(scale=3, neighbours=4000, file=three)
