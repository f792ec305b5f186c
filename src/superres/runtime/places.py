"""Where pictures lie: a path of this machine, or an address that fsspec opens (s3://, gs://, memory://, ...).

libvips wants files, so what lies elsewhere is fetched whole first, and a result is made whole here before it is put.
"""

import difflib
import importlib
import re
import secrets
import shutil
import tempfile
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from superres.types import BadInput, BadOutput, BadRequest, EngineUnavailable, SuperresError

# where an object appears when the last of it has come; elsewhere it is put under another name and then moved
_WHOLE_AT_ONCE = {"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss"}
_SPARE = 256 << 20  # of the disk, left to others
T = TypeVar("T")


@dataclass(frozen=True, order=True)
class Url:
    """An address, with those of ``pathlib.Path``'s methods that a batch needs."""

    text: str

    def __str__(self) -> str:
        return self.text

    def __truediv__(self, name: str | Path) -> "Url":
        below = name.as_posix() if isinstance(name, Path) else name
        return self if below == "." else Url(f"{self.text.rstrip('/')}/{below}")

    @property
    def name(self) -> str:
        return self.text.rstrip("/").rpartition("/")[2]

    @property
    def stem(self) -> str:
        return Path(self.name).stem

    @property
    def suffix(self) -> str:
        return Path(self.name).suffix

    @property
    def parent(self) -> "Url":
        head, _, _ = self.text.rstrip("/").rpartition("/")
        return self if head.endswith("/") else Url(head)  # no higher than the first name

    @property
    def scheme(self) -> str:
        return self.text.partition("://")[0].lower()

    def with_name(self, name: str) -> "Url":
        return self.parent / name

    def relative_to(self, root: "Path | Url") -> Path:
        return Path(self.text.removeprefix(str(root).rstrip("/")).lstrip("/"))

    def resolve(self) -> "Url":
        return self

    def is_dir(self) -> bool:
        if self.scheme in ("http", "https"):  # every page may hold links, and asking costs reading it
            return self.text.endswith("/")
        return bool(self._asked(lambda files, path: files.isdir(path)))

    def is_file(self) -> bool:
        return bool(self._asked(lambda files, path: files.isfile(path)))

    def exists(self) -> bool:
        return bool(self._asked(lambda files, path: files.exists(path)))

    def iterdir(self) -> Iterator["Url"]:
        yield from self._below(self._asked(lambda files, path: files.ls(path, detail=False)))

    def rglob(self, _: str = "*") -> Iterator["Url"]:
        """Everything below, however deep."""
        yield from self._below(self._asked(lambda files, path: files.find(path)))

    def read_bytes(self) -> bytes:
        """Raises :class:`BadInput` where there is no such object."""
        return self._asked(lambda files, path: files.cat_file(path))

    def fetch(self, to: Path) -> None:
        """Copy the object into a file here. Raises :class:`BadInput`, or BadOutput where it would fill the disk."""
        size = self._asked(lambda files, path: files.info(path).get("size"))
        room = shutil.disk_usage(to.parent).free - _SPARE
        if size is not None and size > room:
            raise BadOutput(
                f"{self}: {size / 2**20:.0f} MB must be fetched first, and {to.parent} has room for "
                f"{max(0, room) / 2**20:.0f} MB; set TMPDIR to a larger disk"
            )
        self._asked(lambda files, path: files.get_file(path, str(to)))

    def put(self, made: Path) -> None:
        """Copy a file of this machine there: the whole of it appears under this name, or nothing."""
        try:
            self._put(made)
        except SuperresError:
            raise
        except Exception as error:
            raise BadOutput(f"{self}: cannot be written ({_words(error)}); choose another place with -o") from error

    def _put(self, made: Path) -> None:
        files, path = self._opened
        if self.scheme in _WHOLE_AT_ONCE:
            files.put_file(str(made), path)
            return
        folder, _, _ = path.rpartition("/")
        beside = f"{folder}/.superres-{secrets.token_hex(6)}.part"
        if folder:
            files.makedirs(folder, exist_ok=True)
        try:
            files.put_file(str(made), beside)
            files.mv(beside, path)
        except BaseException:
            with suppress(Exception):
                files.rm_file(beside)
            raise

    def _below(self, found: list[str]) -> Iterator["Url"]:
        root = str(self._opened[1]).rstrip("/") + "/"
        for path in found:
            if path.rstrip("/") != root.rstrip("/"):
                yield self / path.removeprefix(root)

    def _asked(self, what: Callable[[Any, str], T]) -> T:
        """What the file system answers; its errors in one line. Plugins raise whatever their libraries do."""
        files, path = self._opened
        try:
            return what(files, path)
        except FileNotFoundError:
            raise BadInput(f"{self}: there is no such object") from None
        except PermissionError:
            raise BadInput(f"{self}: may not be read; check the credentials for {self.scheme}://") from None
        except Exception as error:
            raise BadInput(f"{self}: cannot be read ({_words(error)})") from error

    @cached_property
    def _opened(self) -> tuple[Any, str]:
        """The file system and the path in it."""
        core: Any = importlib.import_module("fsspec.core")
        try:
            return core.url_to_fs(self.text)
        except ImportError as error:
            package = getattr(error.__cause__, "name", None) or "its plugin for fsspec"
            raise EngineUnavailable(
                f"{self}: {self.scheme}:// needs {package}, which is not installed; pip install {package}"
            ) from None
        except ValueError as error:
            known: list[str] = importlib.import_module("fsspec").available_protocols()
            near = difflib.get_close_matches(self.scheme, known, 1)
            hint = f" (did you mean {near[0]}://?)" if near else ""
            if self.scheme in known:
                raise BadRequest(f"{self}: is no address that can be opened ({_words(error)})") from None
            raise BadRequest(f"{self}: {self.scheme}:// is not known{hint}; use a path, s3://, gs://, ...") from None
        except Exception as error:
            raise BadInput(f"{self}: cannot be reached ({_words(error)})") from error


Place = Path | Url


def place(text: str) -> Place:
    """The path or address that a user wrote; ``file://`` is a path of this machine."""
    if not re.match(r"[A-Za-z][A-Za-z0-9+.-]+://", text):
        return Path(text)
    url = Url(text)
    if url.scheme != "file":
        return url
    from urllib.request import url2pathname  # what it brings along takes longer to import than all else here

    return Path(url2pathname(urlsplit(text).path))


@contextmanager
def staged(source: Place, target: Place | None = None) -> Generator[tuple[Path, Path]]:
    """Files of this machine that stand for ``source`` (fetched) and ``target`` (put when all went well).

    Paths stand for themselves. Without ``target`` the second is the first. What is complained of inside bears the
    names that were given.
    """
    if isinstance(source, Path) and not isinstance(target, Url):
        yield source, target or source
        return
    with tempfile.TemporaryDirectory(prefix="superres-") as name:
        folder = Path(name)
        here = source if isinstance(source, Path) else folder / "in" / source.name
        there = folder / "out" / target.name if isinstance(target, Url) else target or here
        for one in (folder / "in", folder / "out"):
            one.mkdir()
        if isinstance(source, Url):
            source.fetch(here)
        try:
            yield here, there
        except SuperresError as error:
            text = str(error).replace(str(here), str(source)).replace(str(there), str(target or source))
            raise type(error)(text) from error
        if isinstance(target, Url):
            target.put(there)


def _words(error: BaseException) -> str:
    """An error of somebody else's in a few words."""
    return " ".join(str(getattr(error, "strerror", None) or error or type(error).__name__).split())[:200]
