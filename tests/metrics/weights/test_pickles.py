"""Nothing in a pickle runs, whatever it holds; what arrays need is read as pickle itself reads it."""

import io
import os
import pickle
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from superres.metrics.weights.pickles import parse, read_pickle
from superres.types import BadModel

RAN: list[str] = []


def _ran(what: str) -> str:
    RAN.append(what)
    return what


class Calls:
    """Unpickling this calls a function."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> Any:
        return self.call

    def __repr__(self) -> str:
        function, arguments = self.call
        return f"{function.__name__}{arguments}"  # no address: processes that share the tests compare their names


DTYPES = st.sampled_from(["<f2", "<f4", ">f4", "<f8", "<i4", "<u1", ">i8"])


@settings(deadline=None)
@given(
    value=DTYPES.flatmap(
        lambda kind: arrays.arrays(np.dtype(kind), arrays.array_shapes(min_dims=0, max_dims=4, max_side=4))
    ),
    fortran=st.booleans(),
    protocol=st.integers(2, 5),
)
def test_arrays_are_read_as_pickle_reads_them(value: Any, fortran: bool, protocol: int) -> None:
    value = np.asfortranarray(value) if fortran else value
    content = pickle.dumps({"net": {"a": value, "again": value}, "n": 3, "l": [1.5, 2]}, protocol=protocol)
    if protocol == 5 and b"_frombuffer" in content:  # another road, which the known files do not take
        with pytest.raises(BadModel, match="nothing in it was run"):
            parse(content)
        return
    if protocol == 2 and b"_codecs" in content:
        with pytest.raises(BadModel, match="_codecs"):
            parse(content)
        return
    found = parse(content)
    for key in ("net/a", "net/again"):
        assert found[key].dtype == value.dtype
        np.testing.assert_array_equal(found[key], value)
    assert found["n"] == 3
    np.testing.assert_array_equal(found["l"], [1.5, 2])


@pytest.mark.parametrize(
    "hostile",
    [
        Calls(os.system, "echo run > RAN"),
        Calls(eval, "RAN.append(1)"),
        Calls(_ran, "mine"),
        Calls(np.dtype, "O"),
        Calls(np.fromfile, "/etc/hostname"),
        Calls(np.ndarray, (1 << 40,)),
        Calls(getattr, "text", "upper"),
        np.array([{}], dtype=object),
        np.array(["text"]),
        {1: 2},
        {1, 2},
        7,
    ],
    ids=repr,
)
@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
def test_what_would_run_is_refused_in_one_line(hostile: Any, protocol: int, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    RAN.clear()
    path = tmp_path / "hostile.ckpt"
    path.write_bytes(pickle.dumps({"net": hostile} if hostile != 7 else hostile, protocol=protocol))
    with pytest.raises(BadModel) as caught:
        read_pickle(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)
    assert not RAN
    assert [one.name for one in tmp_path.iterdir()] == ["hostile.ckpt"]


def _raw(*parts: bytes) -> bytes:
    return b"\x80\x02" + b"".join(parts) + b"."


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b".",
        b"}",
        _raw(b"cposix\nsystem\n", b"X\x04\x00\x00\x00echo", b"\x85R"),
        _raw(b"cnumpy\nndarray\n", b"K\x05\x85", b"\x81"),  # NEWOBJ
        _raw(b"cnumpy\ndtype\n", b"X\x01\x00\x00\x00O\x85R"),
        _raw(b"}r\xff\xff\xff\x7f", b"X\x01\x00\x00\x00a", b"j\xff\xff\xff\x7fs"),  # a dictionary inside itself
        _raw(b"B", struct.pack("<I", 0xFFFFFFF0), b"short"),
        _raw(b"\x82\x01"),  # extension registry
        _raw(b"Pid\n"),  # persistent id
        _raw(b"}", b"(", b"K\x01", b"u"),  # an odd number of items
        _raw(b"}", b"}", b"K\x01", b"s"),  # a key that is no name
        _raw(b"cnumpy\nndarray\n", b"}", b"b"),  # a state for a class
        _raw(b"q\x00"),
    ],
    ids=lambda content: content[:24].hex(),
)  # fmt: skip
def test_crafted_bytes_are_refused_in_one_line(content: bytes) -> None:
    with pytest.raises(BadModel) as caught:
        parse(content)
    assert "\n" not in str(caught.value)


def test_a_pickle_that_unfolds_without_end_is_refused() -> None:
    """Sixty dictionaries, each holding the one before twice: 2 to the 60 leaves."""
    value: dict[str, Any] = {"x": 1}
    for _ in range(60):
        value = {"a": value, "b": value}
    with pytest.raises(BadModel, match="too deeply"):
        parse(pickle.dumps(value))


GOOD = pickle.dumps({"net": {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.ones(4)}}, protocol=3)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300, deadline=None)
@given(data=st.data())
def test_damage_is_a_refusal_or_plain_data(data: st.DataObject) -> None:
    """Cut, changed and inserted bytes: never another error, never anything but arrays, numbers and text."""
    content = bytearray(GOOD)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content) - 1))
        kind = data.draw(st.sampled_from(["cut", "change", "insert"]))
        if kind == "cut" and at:
            content = content[:at]
        elif kind == "change":
            content[at] = data.draw(st.integers(0, 255))
        else:
            content[at:at] = data.draw(st.binary(min_size=1, max_size=12))
    try:
        found = parse(bytes(content))
    except BadModel as error:
        assert "\n" not in str(error)  # noqa: PT017
    else:
        assert all(isinstance(one, np.ndarray | int | float | str | None) for one in found.values())


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_a_refusal_or_plain_data(content: bytes) -> None:
    try:
        found = parse(b"\x80\x03" + content + b".")
    except BadModel as error:
        assert "\n" not in str(error)  # noqa: PT017
    else:
        assert isinstance(found, dict)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadModel, match="cannot be read"):
        read_pickle(tmp_path / "absent")


def test_pickle_itself_would_have_run_it(tmp_path: Path) -> None:
    """The hostile pickles of this file are live ones."""
    RAN.clear()
    pickle.load(io.BytesIO(pickle.dumps(Calls(_ran, "mine"))))
    assert RAN == ["mine"]
