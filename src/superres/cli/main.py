"""The command ``superres``: finds the verb, calls it, and turns whatever happens into one line and an exit status."""

import gc
import importlib
import inspect
import os
import sys
import traceback
from collections.abc import Sequence
from contextlib import suppress

from superres.cli.parse import Verb, call, nearest
from superres.runtime.memory import keep_freed
from superres.types import BadRequest, EngineUnavailable, SuperresError
from superres.version import VERSION

_OBJECTS = 20_000  # made between two searches for cycles: nearly all that imports make stays
VERBS = {
    "upscale": "superres.cli.upscale:upscale",
    "models": "superres.cli.models:models",
    "networks": "superres.cli.networks:networks",
    "convert": "superres.cli.convert:convert",
    "export": "superres.cli.export:export",
    "example": "superres.cli.example:example",
    "degrade": "superres.cli.degrade:degrade",
    "data": "superres.cli.data:data",
    "train": "superres.cli.train:train",
    "show": "superres.cli.show:show",
    "bench": "superres.cli.bench:bench",
    "bench-task": "superres.cli.bench_task:bench_task",
    "weights": "superres.cli.weights:weights",
    "measure": "superres.cli.measure:measure",
    "explain-gap": "superres.cli.explain_gap:explain_gap",
}
# packages that the light core does not bring, and the extra that does
EXTRAS = {
    "torch": "train",
    "scipy": "train",
    "sklearn": "train",
    "lightning_fabric": "train",
    "tensorboard": "train",
    "ray": "ray",
    "fsspec": "remote",
}
INTERRUPTED = 130
PIPE_CLOSED = 141
UNEXPECTED = 70
STATUSES = """\
exit status:
  0    everything was done
  1    some of several pictures failed; the others are done
  2    the request is wrong: a flag, a value, a size, two things for one name
  3    the picture cannot be read
  4    the model cannot be used
  5    the engine or the device is not there, or was refused
  6    the result cannot be written, or failed its checks
  70   an error inside superres; SUPERRES_DEBUG=1 shows where
  75   training was asked to stop (SIGTERM, Ctrl-C) and has saved everything; --resume goes on
  130  stopped with Ctrl-C; no unfinished file is left"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``superres`` with these words (those of the process when ``None``) and give its exit status back."""
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        status = _dispatch(words)
        sys.stdout.flush()
    except SuperresError as error:
        status = _say(f"error: {error}", error.exit_status)
    except KeyboardInterrupt:
        status = _say("stopped; no unfinished file is left", INTERRUPTED)
    except BrokenPipeError:
        _drop_stdout()
        status = PIPE_CLOSED
    except SystemExit as stop:  # tyro, after it printed help or what is wrong with a value
        status = stop.code if isinstance(stop.code, int) else 2 if stop.code else 0
    except ModuleNotFoundError as error:
        status = _missing(error)
    except Exception as error:  # noqa: BLE001 - the last net: a user is never shown a bare stack trace
        status = _unexpected(error)
    return status


def _dispatch(words: list[str]) -> int:
    if not words:
        print(_overview(), file=sys.stderr)
        return BadRequest.exit_status
    first, rest = words[0], words[1:]
    if first in {"-h", "--help", "help"}:
        print(_overview())
        return 0
    if first in {"-V", "--version"}:
        print(f"superres {VERSION}")
        return 0
    if first not in VERBS:
        raise BadRequest(f"{first!r} is no verb of superres{nearest(first, VERBS)} (superres --help lists them)")
    return call(_verb(first), rest, f"superres {first}")


def _verb(name: str) -> Verb:
    module, function = VERBS[name].split(":")
    return getattr(importlib.import_module(module), function)


def _overview() -> str:
    lines = ["usage: superres VERB ...", "", "Enlarge real pictures.", "", "verbs:"]
    for name in VERBS:
        first = (inspect.getdoc(_verb(name)) or "").partition("\n")[0]
        lines.append(f"  {name:<11} {first}")
    return "\n".join([*lines, "", "superres VERB --help tells all about one of them.", "", STATUSES])


def _say(text: str, status: int) -> int:
    with suppress(OSError):
        print("superres: " + " ".join(text.split()), file=sys.stderr, flush=True)
    return status


def _missing(error: ModuleNotFoundError) -> int:
    """A package of an extra is not there: what installs it; any other missing module is an error of ours."""
    package = (error.name or "").partition(".")[0]
    if package not in EXTRAS:
        return _unexpected(error)
    hint = f"pip install 'superres[{EXTRAS[package]}]'"
    return _say(f"error: this needs {package}, which is not installed; {hint}", EngineUnavailable.exit_status)


def _unexpected(error: Exception) -> int:
    if os.environ.get("SUPERRES_DEBUG"):
        traceback.print_exception(error)
    what = f"{type(error).__name__}: {error}"
    return _say(f"error inside superres ({what}); please report it, with what SUPERRES_DEBUG=1 shows", UNEXPECTED)


def _drop_stdout() -> None:
    """So that the interpreter's last flush at exit does not complain about the closed pipe once more."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def run() -> None:
    """The entry point of ``superres`` and ``python -m superres``: :func:`main` in a process of its own."""
    keep_freed()
    gc.set_threshold(_OBJECTS, *gc.get_threshold()[1:])
    status = main()
    gc.freeze()  # all goes with the process: nobody looks for cycles any more
    sys.exit(status)
