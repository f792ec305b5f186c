"""ncnn's .param and .bin from elsewhere: read and tried in a process of its own before they are loaded here.

ncnn trusts its files; a broken one may end the process. So the text is checked first, and the first run happens in a
child: if that dies, the file is refused and this process lives.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from superres.runtime.engines.ncnn import Net
from superres.types import BadModel, SuperresError

_MAGIC = "7767517"
_MOST_LAYERS = 100_000


class Layer(NamedTuple):
    """One line of a .param file; ``numbers`` are its ``key=value`` fields."""

    kind: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    numbers: dict[str, str]


def read_param(text: str) -> list[Layer]:
    """The layers of a .param file, checked: counts, names made before use, one input. BadModel otherwise."""
    lines = [line.split() for line in text.splitlines() if line.strip()]
    if not lines or lines[0] != [_MAGIC]:
        raise BadModel(f"not an ncnn .param file: its first line is not {_MAGIC}")
    try:
        count, blobs = int(lines[1][0]), int(lines[1][1])
        layers = [_layer(line) for line in lines[2:]]
    except (IndexError, ValueError) as error:
        raise BadModel("the ncnn .param file is damaged: a line lacks fields or numbers") from error
    if count != len(layers) or not 0 < count <= _MOST_LAYERS:
        raise BadModel(f"the ncnn .param file announces {count} layers and holds {len(layers)}: it is truncated")
    known: set[str] = set()
    for layer in layers:
        if lost := [name for name in layer.inputs if name not in known]:
            raise BadModel(f"the ncnn .param file reads {lost[0]!r} before anything makes it")
        known.update(layer.outputs)
    if sum(layer.kind == "Input" for layer in layers) != 1:
        raise BadModel("the ncnn .param file must have exactly one Input layer")
    if blobs < len(known):
        raise BadModel(f"the ncnn .param file announces {blobs} blobs and makes {len(known)}")
    return layers


def channels_of(layers: list[Layer]) -> int:
    """How many channels the network reads: from the Input layer or its first convolution, else 3."""
    reached: set[str] = set()
    for layer in layers:
        if layer.kind == "Input":
            reached.update(layer.outputs)
            given = layer.numbers.get("2", "")
            if given.isdecimal() and given != "0":
                return int(given)
        elif reached.intersection(layer.inputs):
            if layer.kind == "Split":
                reached.update(layer.outputs)
            elif layer.kind == "Convolution":
                return _input_channels(layer.numbers)
    return 3


def check_free(layers: list[Layer]) -> None:
    """BadModel for a network that pools to parts of the one size that its input says."""
    given = next(layer.numbers for layer in layers if layer.kind == "Input")
    parts = {layer.numbers.get(key, "1") for layer in layers if layer.numbers.get("7") == "1" for key in ("8", "18")
             if layer.kind == "Pooling"}  # fmt: skip
    if parts - {"1"} and given.get("0", "0") != "0":
        raise BadModel(f"it takes pictures of {given['0']}x{given.get('1', '?')} only; use the file it was made of")


def probe(param: Path, weights: Path, channels: int, *, seconds: float = 120) -> tuple[int, int, int]:
    """(C, H, W) of the output for an input of (channels, 32, 24), from a child process. BadModel when that fails."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(one for one in sys.path if one)}
    command = [sys.executable, "-m", "superres.runtime.ncnn_file", str(param), str(weights), str(channels)]
    try:
        done = subprocess.run(command, env=environment, capture_output=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired as error:
        raise BadModel(f"a 32x24 tile took more than {seconds:g} s") from error
    try:
        answer: Any = json.loads(done.stdout.splitlines()[-1])
    except (IndexError, ValueError) as error:
        raise BadModel(f"ncnn crashes on it (status {done.returncode}): the file is damaged or hostile") from error
    if "error" in answer:
        raise BadModel(str(answer["error"]))
    channels, height, width = (int(one) for one in answer["shape"])
    return channels, height, width


def _layer(fields: list[str]) -> Layer:
    count, made = int(fields[2]), int(fields[3])
    names, rest = fields[4 : 4 + count + made], fields[4 + count + made :]
    if min(count, made) < 0 or len(names) != count + made or any("=" not in one for one in rest):
        raise ValueError("fields")
    numbers = dict(one.split("=", 1) for one in rest)
    return Layer(fields[0], tuple(names[:count]), tuple(names[count:]), numbers)


def _input_channels(numbers: dict[str, str]) -> int:
    try:
        outputs, side, size = int(numbers["0"]), int(numbers["1"]), int(numbers["6"])
        return size // (outputs * side * int(numbers.get("11", side)))
    except (KeyError, ValueError, ZeroDivisionError) as error:
        raise BadModel("the ncnn .param file's first convolution lacks its sizes") from error


def _main(param: str, weights: str, channels: str) -> None:
    try:
        net = Net(Path(param).read_text(), Path(weights), threads=1)
        result = net(np.full((int(channels), 32, 24), 0.5, dtype=np.float32))
        answer: dict[str, Any] = {"shape": [1] * (3 - result.ndim) + list(result.shape)}
    except SuperresError as error:
        answer = {"error": str(error)}
    sys.stdout.write("\n" + json.dumps(answer) + "\n")


if __name__ == "__main__":
    _main(*sys.argv[1:4])
