"""``superres weights``: the learned parameters that metrics need, listed or put where they are looked for."""

import json as encoding
from pathlib import Path
from typing import Any

from superres.cli.parse import nearest
from superres.types import BadRequest

_VERBS = ("list", "get")


def weights(
    words: tuple[str, ...] = (), /, *, from_: str | None = None, download: bool = False, json: bool = False
) -> int:
    """List the weights that metrics use, or get some: `superres weights list`, `superres weights get NAME`.

    `get` takes the file of --from, else what is there already, else a known file in the weights folder or in torch's
    cache, else an installed package that carries it, and the official address only with --download.

    Args:
        words: list, or get and names such as lpips-alex
        from_: make the weights of this file; its SHA-256 is checked, and no code in it is run
        download: fetch from the official address what is nowhere on this machine
        json: print one JSON document
    """
    verb, *names = words or ("list",)
    if verb not in _VERBS:
        raise BadRequest(f"{verb!r} is nothing that weights can do{nearest(verb, _VERBS)} (list, or get NAME)")
    if verb == "list":
        return _listed(names, json)
    if not names:
        raise BadRequest("get wants a name behind it, such as `superres weights get lpips-alex`; list shows all")
    if from_ is not None and len(names) > 1:
        raise BadRequest(f"--from gives one file, but {len(names)} names were asked for; get them one by one")
    return _got(names, from_, download, json)


def _got(names: list[str], from_: str | None, download: bool, json: bool) -> int:
    from superres.metrics.weights.get import get

    source = None if from_ is None else Path(from_).expanduser()
    done = {one[0]: one for name in names for one in get(name, source=source, download=download)}
    if json:
        print(
            encoding.dumps([{"name": name, "file": str(path), "from": whence} for name, path, whence in done.values()])
        )
    else:
        for name, path, whence in done.values():
            print(f"{name:<14} {path} ({whence})")
    return 0


def _listed(names: list[str], json: bool) -> int:
    from superres.metrics.weights import entry
    from superres.metrics.weights.table import TABLE

    rows = [_row(entry(name).name) for name in names or TABLE]
    if json:
        print(encoding.dumps(rows, indent=2))
        return 0
    for row in rows:
        print(f"{row['name']:<14} {row['state']:<10} {row['what']}")
        print(
            f"{'':<25} licence: {row['licence']}" + (f"; of use with {', '.join(row['needs'])}" if row["needs"] else "")
        )
        if row["state"] != "absent":
            print(f"{'':<25} {row['file']}")
    if any(row["state"] == "absent" for row in rows):
        print("\n`superres weights get NAME` puts absent ones into place, or says exactly which file it wants.")
    return 0


def _row(name: str) -> dict[str, Any]:
    from superres.metrics.weights import SHIPPED, entry, folder
    from superres.metrics.weights.get import local_files

    row = entry(name)
    path = (SHIPPED if row.shipped else folder()) / f"{name}.safetensors"
    if row.shipped:
        state = "shipped"
    elif path.is_file():
        state = "ready"
    else:
        path = next(local_files(row), path)
        state = "found" if path.is_file() else "absent"
    facts = {"licence": row.licence, "needs": list(row.needs), "file": str(path)}
    accepted = [
        {"file": one.file, "sha256": one.sha256, "install": one.install, "url": one.url} for one in row.accepted
    ]
    return {"name": name, "state": state, "what": row.what, **facts, "accepted": accepted}
