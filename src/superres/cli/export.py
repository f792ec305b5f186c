"""``superres export``: a model as a file that other programs run."""

from pathlib import Path
from typing import Literal

from superres.types import BadRequest


def export(
    model: str,
    /,
    *,
    to: Literal["onnx", "ncnn", "torchscript", "safetensors"] = "onnx",
    size: str = "dynamic",
    output: str | None = None,
    overwrite: bool = False,
) -> int:
    """Write a model as ONNX, ncnn, TorchScript or a model file of superres, and check it by running it.

    Args:
        model: a model of the package (clean-x4), a model file, or a checkpoint (.pth)
        to: the format; ncnn is two files, .param and .bin
        size: of the input, WxH where the other program wants it fixed, else any
        output: the file to write (the model's name with the format's ending when not given)
        overwrite: replace a file that is there already
    """
    from superres.runtime.settings import parse_size

    given = None if size == "dynamic" else parse_size(size)
    from superres.converting.exporting import KINDS, export_model

    target = Path(output).expanduser() if output else Path(Path(model).stem).with_suffix(KINDS[to])
    if target.suffix.lower() != KINDS[to]:
        raise BadRequest(f"{target}: a file of --to {to} ends in {KINDS[to]}")
    if target.exists() and not overwrite:
        raise BadRequest(f"{target} is there already; --overwrite replaces it, -o writes another")
    print(export_model(model, target, to, size=given))
    return 0
