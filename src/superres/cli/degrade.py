"""``superres degrade``: pictures made worse in a known way, with the draws that make them again beside them."""

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from superres.cli.progress import reporter, say
from superres.types import BadInput, BadRequest, EngineUnavailable, SuperresError

if TYPE_CHECKING:
    from superres.cli.drawn import Order

DRAWS = "draws.json"


def degrade(
    inputs: tuple[str, ...] = (),
    /,
    *,
    output: str | None = None,
    recipe: str | None = None,
    scale: int | None = None,
    seed: int | None = None,
    set: tuple[str, ...] = (),  # noqa: A002 - the flag is called --set
    replay: str | None = None,
    list: bool = False,  # noqa: A002 - the flag is called --list
    recursive: bool = False,
    overwrite: bool = False,
) -> int:
    """Make pictures worse by a recipe, and keep the draws: photo.jpg becomes OUT/photo.png, all draws OUT/draws.json.

    What is drawn for a picture depends on the seed and on its name, not on the other pictures. Results are PNG: of 16
    bits where the picture is and the recipe has levels (which then is 65535), else of 8. Transparency and metadata are
    left behind. Exit status 1: some pictures failed, the others are done.

    Args:
        inputs: pictures, and folders of pictures
        output: the folder to write to; made if it is not there
        recipe: bicubic when not given; --list prints all
        scale: how many times smaller (4 when not given); sides are cropped to multiples of it
        seed: of everything random (0 when not given)
        set: a parameter of the recipe, like sigma=30 or width=0.2,4; may be given several times
        replay: a draws.json; makes the same pixels from the same pictures again
        list: print the recipes with their parameters and stop
        recursive: take the pictures in folders inside folders too
        overwrite: replace results that exist already
    """
    if find_spec("torch") is None:
        raise EngineUnavailable("degrade works with PyTorch, which is not installed; pip install 'superres[torch]'")
    if list:
        print(_recipes())
        return 0
    if not inputs or output is None:
        raise BadRequest("name pictures and a folder: superres degrade photo.png -o OUT --recipe bicubic --scale 4")
    if replay is not None and (recipe is not None or scale is not None or seed is not None or set):
        raise BadRequest("--replay takes recipe, scale, seed and parameters from its file; leave the flags away")
    from superres.cli.drawn import Order, read_order

    if replay is not None:
        order = read_order(Path(replay))
    else:
        order = Order.of(recipe or "bicubic", 4 if scale is None else scale, seed or 0, set)
    folder = Path(output)
    places = _places(inputs, folder, recursive)
    _refuse_existing([*places, folder / DRAWS], overwrite)
    return _run(order, places, folder)


def _run(order: "Order", places: dict[Path, Path], folder: Path) -> int:
    """Every picture, then the draws of those that are done, also when the work was broken off."""
    from superres.cli.drawn import degrade_file, make_folder, write_order

    done: dict[str, dict[str, object]] = {}
    failed: list[SuperresError] = []
    make_folder(folder)
    try:
        with reporter(len(places)) as shown:
            for target, source in places.items():
                name = target.relative_to(folder).as_posix()
                shown.begin(str(source), 1.0)
                try:
                    done[name], notes = degrade_file(order, name, source, target)
                except SuperresError as error:
                    failed.append(error)
                    text = " ".join(str(error).split())
                    shown.note(f"superres: error: {text if str(source) in text else f'{source}: {text}'}")
                else:
                    for note in notes:
                        shown.note(f"superres: {source}: {note}")
                    print(target, flush=True)
                shown.end(str(source))
    finally:
        if done:
            write_order(folder / DRAWS, order, done)
    if len(places) > 1:
        say(f"superres: {len(done)} done, {len(failed)} failed; draws in {folder / DRAWS}")
    if not failed:
        return 0
    return failed[0].exit_status if len(places) == 1 else 1


def _recipes() -> str:
    from superres.cli.drawn import described
    from superres.degradations.recipes import RECIPES

    return "\n".join(described(name, make) for name, make in RECIPES.items())


def _places(inputs: tuple[str, ...], folder: Path, recursive: bool) -> dict[Path, Path]:
    """Where every result goes -> its picture, in a fixed order: a folder's tree is kept."""
    found: dict[Path, Path] = {}
    for given in map(Path, inputs):
        for source in _pictures(given, recursive):
            below = source.relative_to(given) if given.is_dir() else Path(source.name)
            target = (folder / below).with_suffix(".png")
            other = found.get(target, source)
            if other.resolve() != source.resolve():
                raise BadRequest(f"{other} and {source} would both become {target}; rename one, or take them apart")
            found[target] = source
    if not found:
        raise BadRequest("there is no picture in what was given; name files, or folders with pictures (--recursive)")
    sources = {source.resolve() for source in found.values()}
    for target in found:
        if target.resolve() in sources:
            raise BadRequest(f"{target} is an input; a picture is never written over a source, use another -o")
    return found


def _pictures(given: Path, recursive: bool) -> list[Path]:
    from superres.images.read import PICTURE_SUFFIXES

    if not given.is_dir():
        if not given.exists():
            raise BadInput(f"{given}: there is no such file or folder")
        return [given]
    inside = given.rglob("*") if recursive else given.iterdir()
    return sorted(
        p for p in inside if p.suffix.lower() in PICTURE_SUFFIXES and not p.name.startswith(".") and p.is_file()
    )


def _refuse_existing(targets: list[Path], overwrite: bool) -> None:
    existing = [target for target in targets if target.exists()]
    if existing and not overwrite:
        more = f" (and {len(existing) - 1} more)" if len(existing) > 1 else ""
        raise BadRequest(f"{existing[0]}{more} exists already; --overwrite replaces it, or choose another -o")
