"""Whether a local copy of a known set is what it should be."""

from dataclasses import dataclass
from pathlib import Path

from superres.data.decode import decode, file_bytes, fingerprint, list_pictures
from superres.data.fingerprints import TEST_PICTURES
from superres.data.sets import find_set, known_set
from superres.types import BadInput


@dataclass(frozen=True)
class Found:
    """A local copy: ``known`` counts pictures that are, sample for sample, those on record.

    ``expected`` and ``known`` are None where no such number, or no fingerprints, are on record. Sets exist in more
    than one edition (BSD100 at 481x321 and at 480x320), so a picture that is not on record need not be wrong.
    """

    name: str
    folder: Path
    pictures: int
    expected: int | None
    smallest: tuple[int, int]
    largest: tuple[int, int]
    broken: tuple[str, ...]
    known: int | None

    @property
    def sound(self) -> bool:
        """Nothing broken, none too many, none missing."""
        return not self.broken and (self.expected is None or self.pictures == self.expected)


def check_set(name: str, root: Path | None) -> Found:
    """Decode every picture of a local copy and compare with what is on record. Raises: BadRequest, BadInput."""
    known = known_set(name)
    folder = find_set(name, root)
    files = list_pictures(folder, recursive=known.pairs is not None)
    sizes: list[tuple[int, int]] = []
    broken: list[str] = []
    same = 0
    for path in files:
        try:
            samples = decode(path, file_bytes(path))
        except BadInput as error:
            broken.append(str(error))
            continue
        sizes.append((samples.shape[1], samples.shape[0]))
        same += TEST_PICTURES.get(fingerprint(samples)[:16]) == name.lower()
    if not sizes:
        raise BadInput(f"{folder}: none of its {len(files)} pictures can be decoded; get {known.title} again")
    by_area = sorted(sizes, key=lambda size: size[0] * size[1])
    recorded = name.lower() in TEST_PICTURES.values()
    return Found(
        name=name.lower(),
        folder=folder,
        pictures=len(files),
        expected=None if known.pairs is not None else known.count,
        smallest=by_area[0],
        largest=by_area[-1],
        broken=tuple(broken),
        known=same if recorded else None,
    )
