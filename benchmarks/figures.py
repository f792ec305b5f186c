"""What the scripts that measure share: pictures, luma, PSNR, the processor's name, the package as it is installed."""

import compileall
import platform
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from superres.types import Upscaler

Array = npt.NDArray[Any]


def luma(x: Array) -> Array:
    """Studio luma of BT.601 in 0..255 as float64, unrounded; a gray picture is its own luma."""
    x = x.astype(np.float64)
    return x if x.ndim == 2 else 16 + x @ np.array([65.481, 128.553, 24.966]) / 255


def psnr(result: Array, truth: Array, border: int) -> float:
    error = (luma(result) - luma(truth))[border:-border, border:-border]
    return float(10 * np.log10(255**2 / np.mean(error**2)))


def pictures(folder: Path, scale: int) -> dict[str, Array]:
    """Every picture by name, its sides cut to multiples of the scale."""
    found = {file.stem: np.asarray(Image.open(file)) for file in sorted(folder.iterdir())}
    return {name: x[: x.shape[0] // scale * scale, : x.shape[1] // scale * scale] for name, x in found.items()}


def enlarge(upscaler: Upscaler, lr: Array) -> Array:
    """8-bit gray or RGB through an upscaler, rounded to 8 bit."""
    rgb = np.repeat(lr[..., None], 3, -1) if lr.ndim == 2 else lr
    x = np.ascontiguousarray(rgb.transpose(2, 0, 1)[None], np.float32) / 255
    y = upscaler(x)[0].transpose(1, 2, 0) * 255
    return np.clip(np.floor((y.mean(-1) if lr.ndim == 2 else y) + 0.5), 0, 255)


def processor() -> str:
    cpu = Path("/proc/cpuinfo")
    names = [line.split(":")[1].strip() for line in cpu.read_text().splitlines() if line.startswith("model name")]
    return names[0] if names else platform.processor()


def compile_package() -> None:
    """Bytecode for the package, as pip leaves it: a checkout may lack it, and would compile at every start."""
    spec = find_spec("superres")
    assert spec is not None
    assert spec.origin is not None
    compileall.compile_dir(Path(spec.origin).parent, quiet=1)
