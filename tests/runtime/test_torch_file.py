"""PyTorch's files without PyTorch: what PyTorch reads, nothing run, and every stranger's file refused in one line."""

import os
import pickle
import zipfile
from collections import OrderedDict
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from superres.runtime.torch_file import arrays_in, read
from superres.types import BadModel

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
FORMATS = pytest.mark.parametrize("zipped", [True, False], ids=["archive", "row"])


def read_arrays(path):
    return arrays_in(read(path))


def state():
    torch.manual_seed(1)
    whole = torch.randn(6, 5)
    return OrderedDict(
        {
            "body.weight": torch.randn(4, 3, 3, 3),
            "body.bias": torch.randn(4).half(),
            "turned": whole.t(),
            "part": whole[2:4, 1:],
            "double": torch.randn(2).double(),
            "count": torch.tensor(7),
            "flag": torch.tensor([True, False]),
            "none": torch.zeros(0, 3),
            "parameter": torch.nn.Parameter(torch.randn(2, 2)),
        }
    )


def saved(folder, held, zipped=True):
    path = folder / "weights.pth"
    torch.save(held, path, _use_new_zipfile_serialization=zipped)
    return path


@FORMATS
def test_what_pytorch_reads(tmp_path, zipped):
    held = state()
    made = read_arrays(saved(tmp_path, held, zipped))
    assert list(made) == list(held)
    for name, value in held.items():
        assert made[name].dtype == value.detach().numpy().dtype
        assert np.array_equal(made[name], value.detach().numpy()), name


@FORMATS
def test_wrappers_and_prefixes_are_taken_off(tmp_path, zipped):
    held = {f"module.{name}": value for name, value in state().items()}
    wrapped = {"params": {"other": torch.zeros(1)}, "params_ema": held, "epoch": 3, "lr": [1e-4, 0.5], "name": "x"}
    assert list(read_arrays(saved(tmp_path, wrapped, zipped))) == list(state())


def test_a_modules_own_state_dict(tmp_path):
    module = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3), torch.nn.BatchNorm2d(8))
    made = read_arrays(saved(tmp_path, module.state_dict()))
    assert made.keys() == module.state_dict().keys()


class Hostile:
    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return (os.mkdir, (str(self.mark),))


@FORMATS
def test_code_is_refused_and_not_run(tmp_path, zipped):
    mark = tmp_path / "ran"
    path = saved(tmp_path, {"params": state(), "more": Hostile(mark)}, zipped)
    with pytest.raises(BadModel, match=r"names .*mkdir, which would run code"):
        read_arrays(path)
    assert not mark.exists()
    torch.load(path, weights_only=False)  # it is a live one
    assert mark.exists()


def test_a_plain_pickle_and_a_module_are_refused(tmp_path):
    path = tmp_path / "weights.pth"
    path.write_bytes(pickle.dumps({"a": np.zeros(3)}))
    with pytest.raises(BadModel):
        read_arrays(path)
    with pytest.raises(BadModel, match="would run code"):
        read_arrays(saved(tmp_path, torch.nn.Linear(2, 2)))


def test_a_shape_larger_than_its_storage_is_refused(tmp_path):
    with pytest.raises(BadModel, match="more than the file holds"):
        read_arrays(saved(tmp_path, {"a": torch.zeros(1).expand(1000, 1000)}))
    made = read_arrays(saved(tmp_path, {"a": torch.ones(4).as_strided((2, 2), (0, 0))}))
    assert np.array_equal(made["a"], np.ones((2, 2)))


def test_a_compressed_archive_is_refused(tmp_path):
    path = saved(tmp_path, state())
    with zipfile.ZipFile(path) as archive, zipfile.ZipFile(tmp_path / "small.pth", "w", zipfile.ZIP_DEFLATED) as other:
        for one in archive.namelist():
            other.writestr(one, archive.read(one))
    with pytest.raises(BadModel, match="compressed"):
        read_arrays(tmp_path / "small.pth")


def test_what_is_too_large_for_the_memory_is_left(tmp_path, monkeypatch):
    monkeypatch.setattr("superres.runtime.torch_file.free", lambda: 100)
    with pytest.raises(BadModel, match="too large"):
        read_arrays(saved(tmp_path, state()))


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    return [saved(folder, state(), zipped).read_bytes() for zipped in (True, False)]


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_damage_is_refused_in_one_line_or_does_no_harm(files, tmp_path_factory, data):
    content = bytearray(data.draw(st.sampled_from(files)))
    for _ in range(data.draw(st.integers(0, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    content = content[: data.draw(st.one_of(st.just(len(content)), st.integers(0, len(content))))]
    path = tmp_path_factory.getbasetemp() / "damaged.pth"
    path.write_bytes(content)
    with suppress(BadModel):  # and nothing else
        for one in read_arrays(path).values():
            assert one.nbytes == one.copy().nbytes  # all of it may be read
