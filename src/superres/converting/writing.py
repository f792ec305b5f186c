"""A checkpoint as a file of ours: with its graph where it has one, so that torch is not needed to run it."""

from pathlib import Path

from superres.converting.opening import Opened, open_weights
from superres.converting.telling import NOTHING, Told
from superres.graph.file import load_model, save_model
from superres.terms.weights import load_network, save_network
from superres.types import BadOutput, BadRequest


def convert_file(
    source: Path,
    target: Path,
    *,
    network: str | None = None,
    scale: int | None = None,
    value_range: float | None = None,
    told: Told = NOTHING,
) -> str:
    """Write ``target`` and read it again; what was made of what, in one line.

    The arguments are those of :func:`superres.converting.opening.open_weights`.
    """
    if not source.is_file():
        raise BadRequest(f"{source}: there is no such file")
    opened = open_weights(source, network=network, scale=scale, value_range=value_range, told=told)
    try:
        write(opened, target)
    except OSError as error:
        raise BadOutput(f"{target} cannot be written: {error.strerror or error}") from error
    needs = "runs without PyTorch" if opened.graph is not None else "runs with PyTorch only: its network has no graph"
    return f"{target}: {described(opened)}{told.said()}; {needs}"


def write(opened: Opened, target: Path) -> None:
    """The graph file of ``opened``, or its network file; read again, so that what is there is known to be whole."""
    if opened.graph is not None:
        save_model(target, opened.graph, opened.card, opened.wrapping)
        load_model(target)
        return
    assert opened.module is not None
    assert opened.network is not None
    save_network(target, opened.module, opened.network, {key: str(value) for key, value in opened.card.items()})
    load_network(target)


def described(opened: Opened) -> str:
    """Name, scale and the arguments that matter; those that the user told otherwise are left out."""
    if opened.network is None:
        return f"{opened.name} x{opened.scale}"
    told = {"kernel": "blur", "noise": "noise"}
    hidden = {"scale", "channels", *(one for key, one in told.items() if key in opened.card)}
    held = {key: one for key, one in opened.network.arguments.items() if key not in hidden}
    shown = ", ".join(f"{key} {one}" for key, one in held.items() if isinstance(one, (int, float, str)))
    return f"{opened.name} x{opened.scale}{f' ({shown})' if shown else ''}"
