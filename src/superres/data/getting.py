"""Bringing a known set under the data root: from a local archive or folder, or, only when asked, from its address.

What goes in is checked first and appears whole or not at all: pictures only, no links, nothing outside its folder, no
more than a set of its size needs.
"""

import errno
import hashlib
import os
import secrets
import shutil
import stat
import tarfile
import zipfile
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from fnmatch import fnmatch
from http.client import HTTPException
from pathlib import Path, PurePosixPath
from typing import IO
from urllib.error import HTTPError, URLError
from urllib.parse import urlparse

from superres.data.sets import KnownSet, data_root, known_set
from superres.images.read import PICTURE_SUFFIXES
from superres.types import BadInput, BadOutput, BadRequest

MAX_BYTES = 200 << 30
MAX_FILES = 300_000
_CHUNK = 1 << 20
Member = tuple[str, int]


def get_set(name: str, root: Path | None, *, given: str | None = None) -> Path:
    """Put the pictures of a set into its folder under ``root`` and return that folder.

    ``given`` is a zip or tar archive, a folder, or an address that holds the set; without it the official address is
    asked, where there is one. Raises: BadRequest, BadInput, BadOutput, in one line that says what to do.
    """
    known = known_set(name)
    base = data_root(root)
    target = base / known.folders[0]
    if target.exists():
        raise BadRequest(f"{target} is there already; look at it with `superres data check {name}`, or move it away")
    _make(base)
    with _beside(target) as part:
        if given is not None and "://" not in given:
            local = Path(given)
            if local.is_file() and known.download and known.download.endswith("/" + local.name):
                _verify(local, known)
            _take(local, known, part)
        else:
            address = given or known.download
            if address is None:
                raise BadInput(_where_to_get(name, known, target))
            archive = part.with_name(part.name + ".archive")
            try:
                _download(address, archive, name, target)
                _verify(archive, known if address == known.download else None)
                _take(archive, known, part)
            finally:
                archive.unlink(missing_ok=True)
        _check_count(part, known)
        try:
            os.replace(part, target)
        except OSError as error:
            raise BadOutput(f"{target} cannot be written ({error.strerror or error})") from None
    return target


def safe_name(name: str) -> PurePosixPath:
    """A name inside an archive as a relative path. Raises: BadInput where it would lead out of the folder."""
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or (path.parts and ":" in path.parts[0]) or "\0" in name:
        raise BadInput(f"the archive holds {name!r}, which would lead out of its folder; it was not unpacked")
    return path


def _take(source: Path, known: KnownSet, part: Path) -> None:
    """Copy what belongs to the set from a folder or an archive into ``part``."""
    if source.is_dir():
        _take_folder(source, known, part)
    elif not source.is_file():
        raise BadInput(f"{source}: there is no such file or folder; --from names an archive, a folder or an address")
    elif tarfile.is_tarfile(source):
        _take_tar(source, known, part)
    elif zipfile.is_zipfile(source):
        _take_zip(source, known, part)
    else:
        raise BadInput(f"{source}: is neither a zip nor a tar archive; unpack it yourself and give the folder")


def _take_folder(source: Path, known: KnownSet, part: Path) -> None:
    files = {
        path.relative_to(source).as_posix(): path
        for path in sorted(source.rglob("*"))
        if path.is_file() and not path.is_symlink()
    }
    for name, target in _wanted([(name, path.stat().st_size) for name, path in files.items()], known, part, source):
        with files[name].open("rb") as file:
            _copy(file, target, files[name].stat().st_size)


def _take_tar(source: Path, known: KnownSet, part: Path) -> None:
    try:
        with tarfile.open(source) as archive:
            members = {member.name: member for member in archive.getmembers() if member.isfile()}
            for name, target in _wanted([(n, m.size) for n, m in members.items()], known, part, source):
                file = archive.extractfile(members[name])
                assert file is not None
                _copy(file, target, members[name].size)
    except (tarfile.TarError, EOFError, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise BadOutput(f"{part}: cannot be written ({error.strerror})") from None
        raise BadInput(f"{source}: the archive is damaged ({error}); fetch it again") from None


def _take_zip(source: Path, known: KnownSet, part: Path) -> None:
    try:
        with zipfile.ZipFile(source) as archive:
            members = {m.filename: m for m in archive.infolist() if not m.is_dir() and not _is_link(m)}
            for name, target in _wanted([(n, m.file_size) for n, m in members.items()], known, part, source):
                with archive.open(members[name]) as file:
                    _copy(file, target, members[name].file_size)
    except (zipfile.BadZipFile, NotImplementedError, EOFError, RuntimeError) as error:
        raise BadInput(f"{source}: the archive is damaged or locked ({error}); fetch it again") from None
    except OSError as error:
        raise BadOutput(f"{part}: cannot be written ({error.strerror or error})") from None


def _is_link(member: zipfile.ZipInfo) -> bool:
    return stat.S_ISLNK(member.external_attr >> 16)


def _wanted(members: list[Member], known: KnownSet, part: Path, source: Path) -> Iterator[tuple[str, Path]]:
    """The members that belong to the set, and where each goes: names are checked and all sizes added up first."""
    for name, _ in members:
        safe_name(name)
    chosen = [(name, size) for name, size in members if _belongs(name, known)]
    if not chosen:
        raise BadInput(f"{source}: holds no picture of {known.title}; give the archive or folder from {known.source}")
    total = sum(size for _, size in chosen)
    if len(chosen) > MAX_FILES or total > MAX_BYTES:
        raise BadInput(
            f"{source}: would unpack to {len(chosen)} files of {total / 2**30:.1f} GiB; at most {MAX_FILES} files and "
            f"{MAX_BYTES >> 30} GiB are taken: unpack it yourself"
        )
    top = _common([safe_name(name) for name, _ in chosen])
    flat = bool(known.take) or known.pairs is None
    taken: set[str] = set()
    for name, _ in chosen:
        path = safe_name(name)
        relative = path.name if flat else path.relative_to(top).as_posix()
        if relative.lower() in taken:
            raise BadInput(
                f"{source}: holds two pictures called {relative}; give the folder with one version of the set"
            )
        taken.add(relative.lower())
        yield name, part / relative


def _belongs(name: str, known: KnownSet) -> bool:
    path = PurePosixPath(name)
    if any(piece.startswith((".", "__MACOSX")) for piece in path.parts):
        return False
    if known.pairs is None and path.suffix.lower() not in PICTURE_SUFFIXES:
        return False
    if not known.take:
        return True
    bare = "/" not in name  # a folder that was unpacked by hand holds the pictures themselves
    return bare or any(fnmatch("/" + name, pattern) for pattern in known.take)


def _common(paths: list[PurePosixPath]) -> PurePosixPath:
    parents = [path.parent.parts for path in paths]
    shared: list[str] = []
    for pieces in zip(*parents, strict=False):
        if len(set(pieces)) > 1:
            break
        shared.append(pieces[0])
    return PurePosixPath(*shared)


def _copy(file: IO[bytes], target: Path, size: int) -> None:
    """At most ``size`` bytes: an archive whose index lies about a size is refused."""
    target.parent.mkdir(parents=True, exist_ok=True)
    left = size
    with target.open("xb") as out:
        while chunk := file.read(_CHUNK):
            left -= len(chunk)
            if left < 0:
                raise BadInput(f"the archive says that {target.name} has {size} bytes, but it has more; fetch it again")
            out.write(chunk)


def _download(address: str, target: Path, name: str, folder: Path) -> None:
    import urllib.request

    if urlparse(address).scheme not in ("http", "https"):
        raise BadRequest(f"{address}: is no http or https address")
    try:
        with urllib.request.urlopen(address, timeout=60) as answer, target.open("xb") as out:  # noqa: S310 - http(s) only
            size = int(answer.headers.get("Content-Length") or 0)
            while chunk := answer.read(_CHUNK):
                out.write(chunk)
                if out.tell() > MAX_BYTES:
                    raise BadInput(f"{address}: is more than {MAX_BYTES >> 30} GiB; fetch it yourself")
            if size and out.tell() != size:
                raise BadInput(f"{address}: ended after {out.tell()} of {size} bytes; try again")
    except (URLError, OSError, ValueError, HTTPException) as error:
        if getattr(error, "errno", None) == errno.ENOSPC:
            raise BadOutput(f"{target}: the disk is full; nothing was kept") from None
        reason = str(error) if isinstance(error, HTTPError) else getattr(error, "reason", None) or error
        raise BadInput(
            f"{address}: cannot be fetched ({reason}); without a network a local copy is the only way: fetch it "
            f"elsewhere and give it with `superres data get {name} --from FILE`, or put its pictures into {folder}"
        ) from None


def _verify(archive: Path, known: KnownSet | None) -> None:
    if known is None or known.sha256 is None:
        return
    with archive.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != known.sha256:
        raise BadInput(
            f"{archive.name} from {known.download}: has SHA-256 {found[:16]}..., {known.sha256[:16]}... was wanted; "
            "nothing was unpacked: try again, or fetch it yourself and look at it"
        )


def _check_count(part: Path, known: KnownSet) -> None:
    if known.count is None or known.pairs is not None:
        return
    found = sum(1 for path in part.rglob("*") if path.suffix.lower() in PICTURE_SUFFIXES)
    if found != known.count:
        raise BadInput(
            f"{found} pictures were found and {known.title} has {known.count}; nothing was kept: give the whole set "
            "and nothing else"
        )


def _where_to_get(name: str, known: KnownSet, target: Path) -> str:
    return (
        f"{known.title} has no official address to fetch it from directly: get it at {known.source} ({known.licence}), "
        f"then `superres data get {name} --from FILE_OR_FOLDER`, or put its pictures into {target}"
    )


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadOutput(f"{folder}: the data root cannot be made ({error.strerror or error})") from None


@contextmanager
def _beside(target: Path) -> Generator[Path]:
    """A folder beside the target that is gone afterwards, whatever happens, unless it was renamed."""
    part = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    try:
        part.mkdir()
    except OSError as error:
        raise BadOutput(f"{part}: cannot be made ({error.strerror or error})") from None
    try:
        yield part
    finally:
        with suppress(OSError):
            shutil.rmtree(part, ignore_errors=True)
