"""``superres example``: a picture to try it with."""

from pathlib import Path

from superres.cli.upscale import upscale


def example(*, output: str | None = None, scale: float = 4.0, model: str = "auto") -> int:
    """Draw the bundled example picture, enlarge it, and print where the result is.

    Args:
        output: folder to write to instead of the current one; made if it is not there
        scale: how many times larger
        model: name of a model, or a model file
    """
    folder = Path(output) if output is not None else Path()
    folder.mkdir(parents=True, exist_ok=True)
    source = folder / "example.png"
    write(source)
    return upscale((str(source),), scale=scale, model=model, overwrite=True)


def write(path: Path) -> None:
    """The drawn scene as a PNG; it appears whole or not at all."""
    from PIL import Image

    from superres.cli.scene import draw

    beside = path.with_name(f".{path.name}.part")
    try:
        Image.fromarray(draw()).save(beside, format="PNG")
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
