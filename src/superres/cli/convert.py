"""``superres convert``: a checkpoint from elsewhere becomes a file that superres runs, offline and without PyTorch."""

from pathlib import Path

from superres.types import BadRequest


def convert(
    file: str, /, *, output: str | None = None, network: str | None = None, scale: int | None = None,
    model_range: float | None = None, kernel: str | None = None, noise: float | None = None, overwrite: bool = False,
) -> int:  # fmt: skip
    """Turn a released checkpoint (.pth, .pt, .safetensors) into a model file of superres.

    The network, its sizes and its value range are recognised from the names and shapes of the weights; nothing in the
    file is run. Needs PyTorch, which what it writes does not, unless the network has attention.

    Args:
        file: the checkpoint
        output: the file to write, .safetensors (the checkpoint's name with that ending when not given)
        network: take it for this network, like edsr, and say what does not fit
        scale: the one to take from a file that holds several, or tells none
        model_range: the value of white, 1 or 255, where the file does not say and it is not what its authors took
        kernel: file (.npy, .mat, .png) of the blur, for srmd, which is told it (none before the bicubic reduction when
            not given)
        noise: standard deviation of the noise, of 255, for srmd, which is told it (0 when not given)
        overwrite: replace a file that is there already
    """
    source = Path(file).expanduser()
    target = Path(output).expanduser() if output else source.with_suffix(".safetensors")
    if target.suffix.lower() != ".safetensors":
        raise BadRequest(f"{target}: a model file of superres ends in .safetensors")
    if target.exists() and not overwrite:
        raise BadRequest(f"{target} is there already; --overwrite replaces it, -o writes another")
    if model_range not in (None, 1, 255):
        raise BadRequest(f"--model-range {model_range:g} is not known; use 1 or 255")
    if noise is not None and not 0 <= noise <= 255:
        raise BadRequest(f"--noise {noise:g} is no standard deviation of a picture on 0..255; most are below 50")
    from superres.converting.telling import Told
    from superres.converting.writing import convert_file

    told = Told(None if kernel is None else Path(kernel).expanduser(), noise)
    print(convert_file(source, target, network=network, scale=scale, value_range=model_range, told=told))
    return 0
