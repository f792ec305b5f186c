"""A network as one file that explains itself: safetensors weights, and in the header what to build and with what.

The header's one entry, ``superres``, is JSON: ``{"version", "network": {"target", "arguments"}, "scale", "facts"}``.
"""

import json
import os
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from superres.terms.plain import Plain
from superres.terms.spec import Spec
from superres.terms.tree import from_json, to_json
from superres.types import BadModel, BadOutput, SuperresError

KEY = "superres"
VERSION = 1


def save_network(path: Path, module: nn.Module, network: Spec[Any], facts: Mapping[str, Plain]) -> None:
    """Write weights and description, whole or not at all. BadOutput where the disk does not take them."""
    from safetensors.torch import save

    described = {
        "version": VERSION,
        "network": to_json(network.resolved()),
        "scale": getattr(module, "scale", None),
        "facts": dict(facts),
    }
    text = json.dumps(described, sort_keys=True, allow_nan=False)
    state = {key: one.detach().cpu().contiguous().clone() for key, one in module.state_dict().items()}
    replace_file(path, save(state, metadata={KEY: text}))


def read_header(path: Path) -> dict[str, Any]:
    """What the file says of itself. BadModel where it is missing, broken or holds no network of ours."""
    from safetensors import safe_open

    try:
        with cast(Any, safe_open)(str(path), framework="np") as file:
            held: dict[str, str] = file.metadata() or {}
            described = json.loads(held[KEY])
        if described["version"] != VERSION or not isinstance(described["network"], dict):
            raise BadModel(f"{path}: written in version {described['version']!r}; this program reads {VERSION}")
    except BadModel:
        raise
    except Exception as error:
        what = " ".join(str(error).split())[:200]
        raise BadModel(f"{path}: not a network file of superres ({type(error).__name__}: {what})") from error
    return described


def is_network_file(path: Path) -> bool:
    """Whether :func:`load_network` is for this file."""
    try:
        read_header(path)
    except BadModel:
        return False
    return True


def load_network(path: Path) -> tuple[nn.Module, dict[str, Any]]:
    """The network, in evaluation, and the header. Only classes that are nn.Modules are ever called."""
    described = read_header(path)
    try:
        network = cast(Spec[Any], from_json(described["network"]))
        kind = network.factory
        if not (isinstance(kind, type) and issubclass(kind, nn.Module)):
            raise BadModel(f"{network.target} is no network")
        module = network.build()
        weights = load_weights(path)
        if differs := differences(weights, module):
            raise BadModel(
                f"the weights do not fit the {network.name} that it names: {differs}; write it again with the "
                "arguments that it was trained with"
            )
        module.load_state_dict(weights)
    except SuperresError as error:
        raise BadModel(f"{path}: {error}") from error
    except RuntimeError as error:
        what = " ".join(str(error).split())[:300]
        raise BadModel(f"{path}: the weights do not fit the network it names ({what})") from error
    return module.eval(), described


def load_weights(path: Path) -> dict[str, Tensor]:
    """The tensors alone."""
    import safetensors.torch as files

    try:
        return cast(Any, files).load_file(str(path))
    except Exception as error:
        what = " ".join(str(error).split())[:200]
        raise BadModel(f"{path}: cannot be read ({type(error).__name__}: {what})") from error


def begin_from(network: nn.Module, *, file: str) -> None:
    """Give ``network`` the weights of a network file. BadModel, naming what differs, where they do not fit."""
    weights = load_weights(Path(file))
    differs = differences(weights, network)
    if differs:
        raise BadModel(f"{file} belongs to another network: {differs}")
    with torch.no_grad():
        network.load_state_dict(weights)


def differences(state: Mapping[str, Tensor], module: nn.Module) -> str:
    """What differs between the tensors of ``state`` and those of ``module``: the first three, and how many more."""
    here = {key: tuple(one.shape) for key, one in module.state_dict().items()}
    there = {key: tuple(one.shape) for key, one in state.items()}
    found = [f"{key} is {there[key]} there, {here[key]} here" for key in here if there.get(key, here[key]) != here[key]]
    found += [f"{key} is missing there" for key in here if key not in there]
    found += [f"{key} is only there" for key in there if key not in here]
    return "; ".join(found[:3]) + (f"; and {len(found) - 3} more differences" if len(found) > 3 else "")


def replace_file(path: Path, content: bytes) -> None:
    """Write the file whole or not at all; BadOutput says why not, and what stood there stays."""
    beside = ""
    try:
        handle, beside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        mask = os.umask(0)
        os.umask(mask)
        Path(beside).chmod(0o666 & ~mask)
        Path(beside).replace(path)
    except BaseException as error:
        with suppress(OSError):
            Path(beside).unlink()
        if isinstance(error, OSError):
            what = error.strerror or str(error)
            kept = "; the one that was there is intact" if path.exists() else ""
            raise BadOutput(f"{path} cannot be written: {what}{kept}; make room and go on with --resume") from error
        raise
