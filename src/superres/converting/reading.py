"""Weights out of a stranger's file: tensors only, in float32. Nothing in the file can run."""

import struct
import warnings
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from math import prod
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor

from superres.converting.family import State
from superres.converting.whole import read_module
from superres.runtime.memory import free
from superres.runtime.torch_file import unprefixed, unwrapped
from superres.types import BadModel, SuperresError


def read_state(path: Path) -> State:
    """The weights in a .pth, .pt or .safetensors file, without wrappers and prefixes, in float32.

    Raises BadModel, in one line, for code, damage, and what is no weights.
    """
    try:
        _fits_in_memory(path)
        found = _safetensors(path) if path.suffix.lower() == ".safetensors" else _pickled(path)
        return _plain(unprefixed(unwrapped(found, Tensor), Tensor))
    except OSError as error:
        raise BadModel(f"{path}: cannot be read ({error.strerror or error})") from error
    except SuperresError as error:
        raise error if str(path) in str(error) else type(error)(f"{path}: {error}") from error
    except Exception as error:  # a stranger's bytes fail in any way
        raise BadModel(f"{path}: damaged, or no weights ({type(error).__name__}); nothing in it was run") from error


def _fits_in_memory(path: Path) -> None:
    size, room = path.stat().st_size, free()
    if size == 0:
        raise BadModel("the file is empty")
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            if any("/code/" in one or one.endswith("constants.pkl") for one in archive.namelist()):
                raise BadModel("it is a TorchScript program, which runs code; save the state_dict instead")
            size = max(size, sum(one.file_size for one in archive.infolist()))
    if room is not None and size > room:
        raise BadModel(f"its weights take {size >> 20} MB, and {room >> 20} MB of memory are free")


def _safetensors(path: Path) -> Mapping[str, Any]:
    import safetensors.torch as files

    try:
        return cast(Any, files).load_file(str(path))
    except Exception as error:
        what = " ".join(str(error).split())[:120]
        raise BadModel(f"not a safetensors file, or a truncated one ({what})") from error


def _pickled(path: Path) -> Any:
    with path.open("rb") as file:
        if file.read(4) == b"\x7fELF":
            raise BadModel("it is a program, wanted weights")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return cast(Any, torch).load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        refused = _refusal(error)
        if "more than weights" in refused:
            with suppress(BadModel):
                return read_module(path)
        raise BadModel(refused) from error


def _refusal(error: Exception) -> str:
    """Which global the file names, where torch refused it for that; else that it is damaged."""
    text = str(error)
    if isinstance(error, (RuntimeError, EOFError, struct.error, zipfile.BadZipFile)):
        return "damaged or truncated: it is no whole PyTorch file"
    for mark in ("Unsupported global: GLOBAL ", "Unsupported class "):
        if mark in text:
            return (
                f"it holds more than weights ({text.split(mark)[1].split()[0]}, code that would run); nothing was run"
            )
    return "it holds more than weights (code that would run), or is damaged; nothing was run"


def refuse_claims(state: Mapping[str, Tensor]) -> None:
    """BadModel for a weight whose shape is larger than what is stored of it: it would be filled up when first used."""
    for name, value in state.items():
        if prod(value.shape) > value.untyped_storage().nbytes() // max(1, value.element_size()):
            raise BadModel(f"the weight {name} claims a shape of {tuple(value.shape)}, more than the file holds")


def _plain(state: Mapping[str, Tensor]) -> State:
    made: State = {}
    for name, value in state.items():
        if value.layout != torch.strided or value.is_quantized or value.is_complex() or value.is_meta:
            raise BadModel(f"the weight {name} is sparse, quantised or complex; wanted floating-point numbers")
        refuse_claims({name: value})
        made[name] = value.detach().float() if value.is_floating_point() else value.detach()
    if not any(value.is_floating_point() for value in made.values()):
        raise BadModel("it holds no weights")
    return made
