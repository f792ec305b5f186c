"""Puts weights into the user's folder: from a local file, an installed package, or, only when told, the network."""

import hashlib
import importlib
import importlib.util
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

import numpy as np

from superres.metrics.weights import SHIPPED, Weights, absent, entry, fitting, folder, read_safetensors
from superres.metrics.weights.table import Accepted, Entry
from superres.types import BadModel, BadOutput, BadRequest

MOST_BYTES = 700 << 20
_CHUNK = 1 << 20


def get(name: str, *, source: Path | None = None, download: bool = False) -> list[tuple[str, Path, str]]:
    """Convert what ``name`` needs to safetensors in the user's folder: (name, file, whence) for each.

    In this order: ``source``, what is there already, a known file in the folder or in torch's cache, an installed
    package that carries it, the official address if ``download``. Raises BadModel when a file is not what it should be,
    or when there is none, with what to put where.
    """
    row = entry(name)
    wanted = [one for one in (name, *row.needs) if not entry(one).shipped]
    if source is not None and not wanted:
        raise BadRequest(f"the weights {name!r} are in the package; there is nothing to read from {source}")
    done = [(one, SHIPPED / f"{one}.safetensors", "in the package") for one in (name, *row.needs) if entry(one).shipped]
    return done + [(one, *_get_one(entry(one), source, download)) for one in wanted]


def _get_one(row: Entry, source: Path | None, download: bool) -> tuple[Path, str]:
    target = folder() / f"{row.name}.safetensors"
    if source is not None:
        return _install(row, source, target), str(source)
    if target.is_file():
        _read(row, target)
        return target, "there already"
    for path in local_files(row):
        return _install(row, path, target), str(path)
    if not download:
        raise BadModel(absent(row.name))
    return _downloaded(row, target)


def local_files(row: Entry) -> Iterator[Path]:
    """Files on this machine that the weights can be made of: the user's folder, torch's cache, installed packages."""
    cache = Path(os.environ.get("TORCH_HOME") or Path.home() / ".cache" / "torch") / "hub" / "checkpoints"
    for place in (folder(), cache):
        for one in row.accepted:
            if (place / one.file).is_file():
                yield place / one.file
    for one in row.accepted:
        path = carried(one)
        if path is not None:
            yield path


def carried(one: Accepted) -> Path | None:
    """The file inside an installed package, which is looked up, not imported."""
    if not one.package:
        return None
    found = importlib.util.find_spec(one.package)
    for place in (found.submodule_search_locations or ()) if found else ():
        if (Path(place) / one.inside).is_file():
            return Path(place) / one.inside
    return None


def digest(weights: Weights) -> str:
    """SHA-256 of names, kinds, shapes and numbers, whatever file they came in."""
    total = hashlib.sha256()
    for key in sorted(weights):
        value = weights[key]
        total.update(f"{key} {value.dtype.newbyteorder('<').str} {value.shape}\n".encode())
        total.update(np.ascontiguousarray(value, dtype=value.dtype.newbyteorder("<")).tobytes())
    return total.hexdigest()


def _install(row: Entry, path: Path, target: Path) -> Path:
    weights, sha256 = _read(row, path)
    from safetensors.numpy import save

    facts = {"weights": row.name, "licence": row.licence, "source": path.name, "source_sha256": sha256}
    content = save({key: np.asarray(value, order="C") for key, value in weights.items()}, metadata=facts)
    _write(target, [content])
    return target


def _read(row: Entry, path: Path) -> tuple[Weights, str]:
    """The arrays in ``path``, held to the SHA-256 of the file or of the numbers, and the file's SHA-256."""
    sha256 = _sha256(path)
    known = next((one for one in row.accepted if one.sha256 and sha256.startswith(one.sha256)), None)
    reader = _reader(row, path, known)
    weights = fitting(reader(path, row), row, str(path))
    if known is None and row.content and digest(weights) != row.content:
        files = ", ".join(f"{one.sha256} ({one.file})" for one in row.accepted if one.sha256)
        raise BadModel(f"{path}: not the weights {row.name!r}: its SHA-256 is {sha256}, wanted one of {files}")
    return weights, sha256


def _reader(row: Entry, path: Path, known: Accepted | None) -> Callable[[Path, Entry], Weights]:
    if known is None and path.suffix == ".safetensors":
        return _safetensors
    same = [one for one in row.accepted if Path(one.file).suffix == path.suffix] if known is None else [known]
    if not same:
        names = ", ".join((f"{row.name}.safetensors", *(one.file for one in row.accepted)))
        raise BadModel(f"{path}: no file that the weights {row.name!r} come in; wanted one of {names}")
    module, _, function = same[0].reader.partition(":")
    return getattr(importlib.import_module(module), function)


def _safetensors(path: Path, row: Entry) -> Weights:
    try:
        return read_safetensors(path)
    except Exception as error:  # a stranger's bytes fail in any way
        raise BadModel(f"{path}: no safetensors file of {row.name}, or a damaged one ({error})") from error


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise BadModel(f"{path}: cannot be read ({error.strerror or error})") from error


def _downloaded(row: Entry, target: Path) -> tuple[Path, str]:
    offered = next((one for one in row.accepted if one.url), None)
    if offered is None:
        raise BadModel(f"no address is known from which the weights {row.name!r} could be fetched; {absent(row.name)}")
    fetched = target.with_name(offered.file)
    try:
        _write(fetched, _chunks(offered.url))
    except OSError as error:
        raise BadModel(f"{offered.url}: cannot be fetched ({error}); {absent(row.name)}") from error
    try:
        if not _sha256(fetched).startswith(offered.sha256):
            raise BadModel(f"{offered.url}: its SHA-256 is {_sha256(fetched)}, wanted {offered.sha256}...")
        return _install(row, fetched, target), offered.url
    finally:
        fetched.unlink(missing_ok=True)


def _chunks(url: str) -> Iterator[bytes]:
    from urllib.request import urlopen

    total = 0  # the addresses are those of the table
    with cast(Any, urlopen)(url, timeout=60) as answer:
        while chunk := cast(bytes, answer.read(_CHUNK)):
            total += len(chunk)
            if total > MOST_BYTES:
                raise BadModel(f"{url}: sends more than {MOST_BYTES >> 20} MiB")
            yield chunk


def _write(path: Path, chunks: Iterator[bytes] | list[bytes]) -> None:
    """The file appears whole or not at all."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, beside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    except OSError as error:
        raise BadOutput(f"{path}: cannot be written ({error.strerror or error}); set SUPERRES_WEIGHTS") from error
    try:
        with os.fdopen(handle, "wb") as file:
            for chunk in chunks:
                file.write(chunk)
        mask = os.umask(0)
        os.umask(mask)
        Path(beside).chmod(0o666 & ~mask)
        Path(beside).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(beside).unlink()
        raise
