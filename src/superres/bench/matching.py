"""Which picture of one folder belongs to which of another: by name, and only where that is beyond doubt.

1. Names are compared without their formats; in sub-folders with the folder's name before them.
2. Equal names are a pair.
3. What is left is compared without known suffixes, however many and on either side: a factor (``x4``, ``_4x``,
   ``_SRF_4``), what the picture is (``_SR``, ``_HR``, ``_LR``, ``_GT``, ``_out``), and those that the caller adds.
   ``baby_x4_SR`` finds ``baby_HR``. Where several of one side then have one name, nothing is guessed.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from superres.bench.suites import pictures_in
from superres.images.read import PICTURE_SUFFIXES
from superres.types import BadInput, BadRequest

_KNOWN = (r"[_\-. ]?x\d+(?:\.\d+)?", r"[_\-. ]\d+x", r"[_\-. ]srf[_\-]?\d+", r"[_\-. ](?:sr|hr|lr|gt|out)")


@dataclass(frozen=True)
class Matched:
    """Pairs by the tested picture's name; what is only on one side."""

    pairs: tuple[tuple[str, Path, Path | None], ...]
    only_test: tuple[str, ...] = ()
    only_reference: tuple[str, ...] = ()

    @property
    def renamed(self) -> tuple[tuple[str, str], ...]:
        """The pairs whose names are equal only without suffixes."""
        both = ((path.stem, other.stem) for _, path, other in self.pairs if other is not None)
        return tuple((one, other) for one, other in both if one != other)


def match(
    test: Path, reference: Path | None, *, recursive: bool = False, suffixes: Sequence[str] = ()
) -> Matched:  # fmt: skip
    """The pictures of two folders by the rule above; ``recursive`` looks into sub-folders, of one name on both sides.

    Raises: BadRequest where two pictures of a side have one name, or none has a partner; BadInput for no pictures.
    """
    tests = _by_name(test, recursive)
    if reference is None:
        return Matched(tuple((name, path, None) for name, path in tests.items()))
    references = _by_name(reference, recursive)
    partner = {name: name for name in tests if name in references}
    pattern = _pattern(suffixes)
    left = _bare((name for name in tests if name not in partner), pattern)
    there = _bare((name for name in references if name not in partner), pattern)
    for name, several in left.items():
        if name in there:
            partner[_only(several, name, test)] = _only(there[name], name, reference)
    if not partner:
        shown = ", ".join([*list(tests)[:2], "..."]), ", ".join([*list(references)[:2], "..."])
        raise BadRequest(
            f"no picture of {test} ({shown[0]}) has the name of one of {reference} ({shown[1]}), also without known "
            "suffixes (x4, _SR, _HR, ...); --suffix adds yours"
        )
    return Matched(
        tuple((name, tests[name], references[other]) for name, other in sorted(partner.items())),
        tuple(sorted(set(tests) - set(partner))),
        tuple(sorted(set(references) - set(partner.values()))),
    )


def bare_name(name: str, suffixes: Sequence[str] = ()) -> str:
    """``name`` without known suffixes and ``suffixes``."""
    return next(iter(_bare([name], _pattern(suffixes))))


def _pattern(suffixes: Sequence[str]) -> "re.Pattern[str]":
    added = (re.escape(one) for one in suffixes if one)
    return re.compile(f"(?<=[^/])(?:{'|'.join((*added, *_KNOWN))})$", re.IGNORECASE)


def _bare(names: Iterable[str], pattern: "re.Pattern[str]") -> dict[str, list[str]]:
    """The names by what is left of them without suffixes."""
    found: dict[str, list[str]] = {}
    for name in names:
        short, before = name, ""
        while short != before:
            before, short = short, pattern.sub("", short)
        found.setdefault(short, []).append(name)
    return found


def _only(names: Sequence[str], bare: str, folder: Path) -> str:
    if len(names) > 1:
        raise BadRequest(
            f"{folder}: {' and '.join(names)} are all {bare} without their suffixes; which is meant? Take the others "
            "out of the folder"
        )
    return names[0]


def _by_name(folder: Path, recursive: bool) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for path in _pictures(folder) if recursive else _here(folder):
        name = path.relative_to(folder).with_suffix("").as_posix()
        if name in found:
            raise BadRequest(f"{folder}: {found[name].name} and {path.name} have one name; which is meant?")
        found[name] = path
    return found


def _here(folder: Path) -> list[Path]:
    try:
        return pictures_in(folder)
    except BadInput as error:
        if folder.is_dir() and _below(folder):
            raise BadInput(f"{folder}: only its sub-folders hold pictures; --recursive looks into them") from error
        raise


def _pictures(folder: Path) -> list[Path]:
    return _below(folder) or pictures_in(folder)  # which says what is wrong


def _below(folder: Path) -> list[Path]:
    return sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in PICTURE_SUFFIXES
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
        and path.is_file()
    )
