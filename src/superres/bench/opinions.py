"""People's scores of pictures, from a CSV file, and how metrics go with them."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from superres.bench.folders import Figures
from superres.bench.statistics import Agreement, agreement
from superres.images.read import PICTURE_SUFFIXES
from superres.types import BadRequest


@dataclass(frozen=True)
class Opinions:
    """Agreement with the scores, metric by metric; measured pictures without a score, and scores without a picture."""

    agreements: tuple[Agreement, ...]
    without_score: tuple[str, ...]
    without_picture: tuple[str, ...]


def read_opinions(path: Path) -> dict[str, float]:
    """Names, without a picture's suffix, -> scores: the first and the last column, the first line may be a head.

    Raises: BadRequest, naming the line, for what is no score or a name that comes twice.
    """
    found: dict[str, float] = {}
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = [row for row in csv.reader(file) if row]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadRequest(f"{path}: cannot be read as CSV ({error})") from error
    for number, row in enumerate(rows, 1):
        try:
            score = float(row[-1])
        except ValueError:
            if number > 1:  # the first line may be a head
                raise BadRequest(f"{path}: line {number} ends in {row[-1]!r}; wanted a name and a score") from None
            continue
        name = _name(row[0])
        if name in found:
            raise BadRequest(f"{path}: line {number} scores {name!r} for the second time; wanted one mean score each")
        found[name] = score
    if not found:
        raise BadRequest(f"{path}: holds no line with a name and a score")
    return found


def compare_with_opinions(found: Figures, opinions: Mapping[str, float]) -> Opinions:
    """SROCC, KROCC and PLCC of every metric on the pictures that have a score (see ``statistics.agreement``).

    A score belongs to the picture of its name, else to the one whose name without folders it is. Raises: BadRequest
    for fewer than 5 of them.
    """
    last = {_last(name): name for name in opinions}
    known = {name: name if name in opinions else last.get(_last(name)) for name in found.pictures}
    pairs = [(name, opinions[other]) for name, other in known.items() if other is not None]
    scores = [score for _, score in pairs]
    return Opinions(
        tuple(agreement([found.pictures[n].values[m] for n, _ in pairs], scores, metric=m) for m in found.means),
        tuple(sorted(name for name, other in known.items() if other is None)),
        tuple(sorted(set(opinions) - set(known.values()))),
    )


def _name(cell: str) -> str:
    path = PurePosixPath(cell.strip().replace("\\", "/"))
    return str(path.with_suffix("") if path.suffix.lower() in PICTURE_SUFFIXES else path)


def _last(name: str) -> str:
    return name.rpartition("/")[2]
