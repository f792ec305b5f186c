"""``superres data``: the sets that papers train on and test with."""

import json as encoding
from dataclasses import asdict
from pathlib import Path

from superres.cli.parse import nearest
from superres.types import BadInput, BadRequest

_DEEDS = ("list", "get", "check")


def data(
    words: tuple[str, ...] = (), /, *, data_root: str | None = None, from_: str | None = None, json: bool = False
) -> int:
    """List the known data sets, get one, or check a local copy: superres data list | get NAME | check NAME.

    Without a network a local copy is the only way: --data-root (or SUPERRES_DATA) names the folder that holds the
    sets, each in a folder of its own name, and get --from takes an archive or folder that is already here.

    Args:
        words: list, get NAME, or check NAME
        data_root: folder that holds the sets; else SUPERRES_DATA
        from_: with get: a zip or tar archive, a folder, or an http address, in place of the official address
        json: print one JSON document
    """
    deed, names = (words[0], words[1:]) if words else ("list", ())
    if deed not in _DEEDS:
        raise BadRequest(
            f"{deed!r} is no word of superres data{nearest(deed, _DEEDS)} (there are: {', '.join(_DEEDS)})"
        )
    if from_ is not None and deed != "get":
        raise BadRequest(f"--from goes with get, not with {deed}")
    root = None if data_root is None else Path(data_root)
    if deed == "list":
        return _list(names, root, json)
    if len(names) != 1:
        raise BadRequest(f"superres data {deed} wants the name of one set, and {len(names)} were given")
    return _get(names[0], root, from_, json) if deed == "get" else _check(names[0], root, json)


def _list(names: tuple[str, ...], root: Path | None, json: bool) -> int:
    from superres.data.sets import SETS, known_set

    chosen = {name.lower(): known_set(name) for name in names} if names else SETS
    here = {name: _local(name, root) for name in chosen}
    if json:
        rows = {name: {**asdict(known), "local": here[name]} for name, known in chosen.items()}
        print(encoding.dumps(rows, indent=2, ensure_ascii=False))
        return 0
    for name, known in chosen.items():
        count = "" if known.count is None else f"{known.count} pictures, "
        print(f"{name:<11} {known.title}: {count}for {'training' if known.role == 'train' else 'testing only'}")
        shown = {
            "paper": known.paper,
            "source": known.source,
            "get": known.download or f"no direct address; see source, then `superres data get {name} --from FILE`",
            "licence": known.licence,
            "protocol": known.protocol,
            "folder": " or ".join(known.folders) + (f"; {known.pairs}" if known.pairs else ""),
            "note": known.note,
            "here": here[name],
        }
        print("\n".join(f"    {key:<9} {value}" for key, value in shown.items() if value))
    return 0


def _local(name: str, root: Path | None) -> str | None:
    from superres.data.sets import find_set

    try:
        return str(find_set(name, root))
    except BadInput:
        return None


def _get(name: str, root: Path | None, given: str | None, json: bool) -> int:
    from superres.data.getting import get_set

    folder = get_set(name, root, given=given)
    print(encoding.dumps({"name": name.lower(), "folder": str(folder)}) if json else folder)
    return 0


def _check(name: str, root: Path | None, json: bool) -> int:
    from superres.data.checking import check_set

    found = check_set(name, root)
    if json:
        print(encoding.dumps({**asdict(found), "folder": str(found.folder), "sound": found.sound}, indent=2))
    else:
        wanted = "" if found.expected is None else f" of {found.expected}"
        small, large = ("x".join(map(str, size)) for size in (found.smallest, found.largest))
        print(f"{found.folder}: {found.pictures}{wanted} pictures, {small} to {large} pixels")
        if found.known is not None:
            print(f"{found.known} of {found.pictures} are on record sample for sample{_edition(found.known)}")
    if not found.sound:
        parts = [f"{found.pictures} pictures where {found.expected} belong"] if found.pictures != found.expected else []
        parts += [f"broken: {one}" for one in found.broken[:3]]
        raise BadInput(f"{found.name} at {found.folder} is not whole: {'; '.join(parts)}")
    return 0


def _edition(known: int) -> str:
    return "" if known else "; this is another edition (format or crop), and figures will differ from it a little"
