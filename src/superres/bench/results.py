"""Results that were made elsewhere: a folder of them stands for a model."""

from pathlib import Path

from superres.bench.candidate import Candidate
from superres.bench.costs import Cost
from superres.bench.matching import bare_name
from superres.bench.pictures import read_whole
from superres.bench.suites import pictures_in
from superres.types import Array, BadInput, BadRequest


def of_folder(folder: Path, scale: int) -> Candidate:
    """The pictures of ``folder`` as a model named after it; each belongs to the true picture of its name.

    Names are compared as in ``bench.matching``, and the names of the folder and of those around it are suffixes too:
    ``RCAN/Set5/x4/baby_RCAN_x4.png`` is the result for ``baby``. Raises: BadInput for a folder without pictures, and
    later where one is missing.
    """
    around = folder.resolve().parts
    suffixes = tuple(mark + part for part in around[1:] for mark in "_-")
    by_bare: dict[str, list[Path]] = {}
    for path in pictures_in(folder):
        by_bare.setdefault(bare_name(path.stem, suffixes), []).append(path)
    exact = {path.stem: path for paths in by_bare.values() for path in paths}

    def recall(picture: str) -> Array:
        found = [exact[picture]] if picture in exact else by_bare.get(bare_name(picture, suffixes), [])
        if len(found) != 1:
            several = " and ".join(path.name for path in found)
            what = f"holds {several} for it; which is meant?" if found else "holds no result for it"
            raise BadInput(f"{folder}: {picture}: {what}")
        return read_whole(found[0])

    def enlarge(_: Array) -> Array:
        raise BadRequest(f"{folder} is a folder of results, which enlarges no picture; name a model")

    return Candidate(around[-1], scale, enlarge, Cost(), f"results read from {folder}", recall)
