"""Kernels from files: what is in them comes out, and what should not be in them is refused in one line."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from superres.degradations.kernel_file import KernelFile
from superres.types import BadInput, BadRequest

SAMPLES = Path(__file__).parents[2] / "../shared/data/samples/kernels"


def kernels(count: int, side: int = 5) -> np.ndarray:
    return np.random.default_rng(0).random((count, side, side))


def made(file: Path, index: int = 0, *, even: bool = False, **more: bool) -> np.ndarray:
    family = KernelFile(file=str(file), index=index, **more)
    return family.make(family.draw(np.random.default_rng(0)), even=even)


def test_every_kind_of_file_gives_the_kernels_that_it_holds(tmp_path: Path) -> None:
    stack = kernels(3)
    np.save(tmp_path / "k.npy", stack)
    cells = np.empty((1, 3), object)
    cells[0] = list(stack)
    savemat(tmp_path / "cells.mat", {"kernels": cells})
    savemat(tmp_path / "stack.mat", {"k": np.moveaxis(stack, 0, -1)})
    Image.fromarray((stack[1] * 255).astype(np.uint8)).save(tmp_path / "k.png")
    for name in ("k.npy", "cells.mat", "stack.mat"):
        for i in range(3):
            np.testing.assert_allclose(made(tmp_path / name, i), stack[i] / stack[i].sum(), rtol=1e-12)
    np.testing.assert_allclose(made(tmp_path / "k.png"), stack[1] / stack[1].sum(), atol=2e-3)


def test_draws_choose_among_all_and_name_what_they_chose(tmp_path: Path) -> None:
    np.save(tmp_path / "k.npy", kernels(4))
    family = KernelFile(file=str(tmp_path / "k.npy"))
    rng = np.random.default_rng(0)
    assert {family.draw(rng)["index"] for _ in range(60)} == {0, 1, 2, 3}
    draw = family.draw(rng)
    np.save(tmp_path / "k.npy", kernels(5)[1:] ** 2)
    os.utime(tmp_path / "k.npy", (1, 1))
    with pytest.raises(BadInput, match="not the one that was drawn"):
        family.make(draw, even=False)


@pytest.mark.parametrize("side", [5, 6])
@pytest.mark.parametrize("even", [False, True])
def test_another_parity_keeps_the_mean(tmp_path: Path, side: int, even: bool) -> None:
    np.save(tmp_path / "k.npy", kernels(1, side))
    k = made(tmp_path / "k.npy", even=even)
    assert all((n % 2 == 0) == even for n in k.shape)
    assert k.sum() == pytest.approx(1)
    for profile, stored in ((k.sum(1), kernels(1, side)[0].sum(1)), (k.sum(0), kernels(1, side)[0].sum(0))):
        off = profile @ (np.arange(len(k)) - (len(k) - 1) / 2)
        assert off == pytest.approx(stored @ (np.arange(side) - (side - 1) / 2) / stored.sum())


@pytest.mark.parametrize("even", [False, True])
def test_centred_kernels_have_their_mean_in_the_middle(tmp_path: Path, even: bool) -> None:
    k = np.zeros((9, 9))
    k[1, 7], k[2, 6], k[1, 6] = 3, 2, 1
    np.save(tmp_path / "k.npy", k)
    found = made(tmp_path / "k.npy", even=even, centred=True)
    for axis in (0, 1):
        middle = np.arange(found.shape[1 - axis]) - (found.shape[1 - axis] - 1) / 2
        assert found.sum(axis) @ middle == pytest.approx(0, abs=1e-12)


class Evil:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("touch /tmp/should-not-be-there",)


def spoiled(kind: str, folder: Path) -> Path:
    file = folder / ("k.mat" if "mat" in kind else "k.png" if "png" in kind else "k.npy")
    if kind == "pickled npy":
        np.save(file, np.array([Evil()], object), allow_pickle=True)
    elif kind == "truncated npy":
        np.save(file, kernels(1))
        file.write_bytes(file.read_bytes()[:-50])
    elif kind == "boastful npy":
        np.save(file, kernels(1))
        file.write_bytes(file.read_bytes().replace(b"(1, 5, 5)", b"(9, 9999, 9999)"))
    elif kind == "nan npy":
        np.save(file, np.full((3, 3), np.nan))
    elif kind == "zero npy":
        np.save(file, np.zeros((3, 3)))
    elif kind == "words npy":
        np.save(file, np.array([["a", "b"]]))
    elif kind == "complex npy":
        np.save(file, np.ones((3, 3), complex))
    elif kind == "huge npy":
        np.save(file, np.ones((2, 300)))
    elif kind == "scalar npy":
        np.save(file, np.ones(()))
    elif kind == "garbage mat":
        file.write_bytes(os.urandom(4000))
    elif kind == "truncated mat":
        savemat(file, {"k": kernels(1)[0]})
        file.write_bytes(file.read_bytes()[:-60])
    elif kind == "bomb mat":
        savemat(file, {"k": np.zeros((1100, 1100))}, do_compression=True)
    elif kind == "struct mat":
        savemat(file, {"k": {"a": 1}})
    elif kind == "v73 mat":
        file.write_bytes(b"MATLAB 7.3 MAT-file" + bytes(600))
    elif kind == "empty mat":
        savemat(file, {})
    elif kind == "large png":
        Image.new("L", (400, 3)).save(file)
    elif kind == "jpeg png":
        Image.new("L", (5, 5), 9).save(file, "JPEG")
    else:
        file.write_bytes(b"")
    return file


@pytest.mark.parametrize(
    "kind",
    ["pickled npy", "truncated npy", "boastful npy", "nan npy", "zero npy", "words npy", "complex npy", "huge npy",
     "scalar npy", "empty npy", "garbage mat", "truncated mat", "bomb mat", "struct mat", "v73 mat", "empty mat",
     "large png", "jpeg png"],
)  # fmt: skip
def test_broken_and_hostile_files_are_refused_in_one_line(kind: str, tmp_path: Path) -> None:
    file = spoiled(kind, tmp_path)
    with pytest.raises(BadInput) as caught:
        KernelFile(file=str(file))
    assert str(caught.value).startswith(str(file))
    assert "\n" not in str(caught.value)
    assert not Path("/tmp/should-not-be-there").exists()


def test_missing_and_foreign_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cannot be read"):
        KernelFile(file=str(tmp_path / "none.mat"))
    (tmp_path / "k.txt").write_text("1 2 3")
    with pytest.raises(BadInput, match="no kernel file"):
        KernelFile(file=str(tmp_path / "k.txt"))
    np.save(tmp_path / "k.npy", kernels(2))
    with pytest.raises(BadRequest, match="has 2 kernels"):
        KernelFile(file=str(tmp_path / "k.npy"), index=2)


@pytest.mark.skipif(not SAMPLES.exists(), reason="the sample kernels are not beside this clone")
@pytest.mark.parametrize(
    ("name", "count"),
    [("kernels_12.mat", 12), ("kernels_bicubicx234.mat", 3), ("k_large_1.png", 1), ("k_large_2.png", 1)],
)
def test_the_fields_own_kernel_files(name: str, count: int) -> None:
    for i in range(count):
        k = made(SAMPLES / name, i)
        assert k.sum() == pytest.approx(1)
    with pytest.raises(BadRequest):
        KernelFile(file=str(SAMPLES / name), index=count)


@pytest.mark.skipif(not SAMPLES.exists(), reason="the sample kernels are not beside this clone")
@pytest.mark.parametrize(("name", "said"), [("Levin09.mat", "7.3"), ("srmd_pca_matlab.mat", "no kernel")])
def test_files_of_another_kind_say_why(name: str, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        KernelFile(file=str(SAMPLES / name))
