"""How the weights inside the package were made.

``clean`` learns MATLAB-bicubic reduction only; ``photo`` learns mild blur, noise and JPEG as well. The x4 trunk is
trained from nothing, the x2 and x3 networks start from it with a new tail, and further rounds go on from there.

    superres train clean-x4 --data-root DATA
    superres train clean-x4-again --data-root DATA
    superres train clean-x4-last --data-root DATA
    superres train clean-x4-long --data-root DATA
    superres train clean-x4-end --data-root DATA
    superres train clean-x2 --data-root DATA
    superres train photo-x4-again --data-root DATA

``start.file`` says where a round begins: a run's folder or network file, or a model of the package by name or file. The
rounds named ``long`` were run on a GPU (H100, five side by side in eight minutes), all but photo x4's from the packaged
model of the round before: its folded kernels are the direct branches then, and the wide ones begin at nothing.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from torch import Tensor

from superres.data.device_data import DeviceData
from superres.data.patches import Patches
from superres.data.sets import data_root
from superres.degradations.recipes import photo
from superres.losses.colour_and_luma import ColourAndLuma
from superres.losses.peak_error import PeakError
from superres.methods.supervised import Supervised
from superres.networks.chain import Chain
from superres.recipes.beginning import begin
from superres.terms.degradation import Degradation
from superres.terms.run import Keep, Optimise, Run, Validate
from superres.terms.spec import LATE, Spec, part, spec

_SQUARED = part(ColourAndLuma, squared=True)
TRAINING_SETS = ("T91", "BSDS400", "Wikipedia49")


def training_pictures(
    *,
    scale: int,
    degradation: Degradation | None = None,
    patch: int = 32,
    batch: int = 16,
    seed: int = 0,
    weights: Literal["equal", "area"] = "area",
    root: str | None = None,
    device: str | None = None,
) -> Patches | DeviceData:
    """Patches of ``patch`` low-resolution pixels of the three sets in ``root`` or ``root/train``, large ones more.

    On CUDA they are cut and degraded there, where a batch takes a fraction of the time.
    """
    base = data_root(None if root is None else Path(root))
    folders = [base / "train" / name if (base / "train").is_dir() else base / name for name in TRAINING_SETS]
    patches = Patches(
        folders,
        scale=scale,
        patch=patch * scale,
        batch=batch,
        seed=seed,
        degradation=degradation,
        weights=weights,
        small="skip",
    )
    return DeviceData(patches, device=device) if device and device.startswith("cuda") else patches


def _run(
    name: str,
    optimise: Optimise,
    *,
    start: str | None = None,
    degradation: Spec[Any] | None = None,
    loss: Callable[[Tensor, Tensor], Tensor] | None = None,
    seed: int = 1,
    validate: Validate | None = None,
    patches: tuple[int, int] = (32, 16),
    depth: int = 10,
    weights: Literal["equal", "area"] = "area",
    width: int = 48,
) -> Run:
    """``patches`` are their side in low-resolution pixels and how many of them a step takes."""
    family, scale = name.split("-")[0], int(name.split("-")[1][1:])
    if family == "photo" and degradation is None:
        degradation = spec(photo, scale=scale)
    return Run(
        name=name,
        network=spec(Chain, scale=scale, depth=depth, width=width),
        method=spec(Supervised, network=LATE, loss=part(ColourAndLuma) if loss is None else loss),
        data=Spec(
            f"{__name__}:training_pictures",
            {"scale": scale, "degradation": degradation, "patch": patches[0], "batch": patches[1], "weights": weights},
        ),
        optimise=optimise,
        validate=validate,
        keep=Keep(save=500),
        seed=seed,
        start=None if start is None else spec(begin, network=LATE, file=start),
    )


def _optimise(steps: int, lr: float = 1e-3, warmup: int = 200, low: float = 0.85) -> Optimise:
    """``low`` is the share of the steps in bfloat16, where that is native."""
    return Optimise(
        steps=steps,
        lr=lr,
        warmup=warmup,
        schedule="cosine",
        floor=0.01,
        ema=0.999,
        clip=1.0,
        precision="bf16" if low else "float32",
        precision_share=low or 1.0,
    )


_SET5 = Validate(suites=("set5",))


def clean_x4() -> Run:
    """The clean trunk, from nothing."""
    return _run("clean-x4", _optimise(18_000), validate=_SET5)


def clean_x4_again() -> Run:
    """Its second round."""
    optimise = _optimise(6_000, 6e-4, 100, 0.9)
    return _run("clean-x4-again", optimise, start=_beside("clean-x4"), seed=2, validate=_SET5)


def clean_x4_last() -> Run:
    """Its last, short round: of the squared error, which gains what PSNR rewards."""
    optimise = _optimise(1_600, 2e-4, 50, 0.75)
    return _run("clean-x4-last", optimise, start=_beside("clean-x4-again"), loss=_SQUARED, seed=3, validate=_SET5)


def clean_x3() -> Run:
    """From the trunk."""
    return _tail("clean-x3")


def clean_x2() -> Run:
    """From the trunk."""
    return _tail("clean-x2")


def clean_x4_long() -> Run:
    """Five times the pixels of all rounds before, on a GPU."""
    return _long("clean-x4", after="clean-x4-last")


def clean_x3_long() -> Run:
    """As x4."""
    return _long("clean-x3", after="clean-x3")


def clean_x2_long() -> Run:
    """As x4."""
    return _long("clean-x2", after="clean-x2")


def clean_x4_end() -> Run:
    """PSNR over large patches."""
    return _end("clean-x4")


def clean_x3_end() -> Run:
    """As x4."""
    return _end("clean-x3")


def clean_x2_end() -> Run:
    """As x4."""
    return _end("clean-x2")


def photo_x4() -> Run:
    """The photo trunk, from nothing."""
    return _run("photo-x4", _optimise(14_000), validate=_SET5)


def photo_x3() -> Run:
    """From the trunk."""
    return _tail("photo-x3")


def photo_x2() -> Run:
    """From the trunk."""
    return _tail("photo-x2")


def photo_x4_again() -> Run:
    """The second round of the x4 model."""
    return _photo_again("photo-x4")


def photo_x4_last() -> Run:
    """The last round of the x4 model: large patches, where few pixels see the zeros around them, and little noise."""
    little = spec(photo, scale=4, shares=(0.9, 0.2, 0.95), noise=(0.5, 5.0))
    optimise = _optimise(2_000, 3e-4, 50, 0)
    start = _beside("photo-x4-again")
    return _run("photo-x4-last", optimise, start=start, degradation=little, loss=_SQUARED, seed=5, patches=(64, 4))


def photo_x4_deep() -> Run:
    """Four more convolutions between those of the last round, which see more of a JPEG block's surroundings."""
    little = spec(photo, scale=4, shares=(0.9, 0.2, 0.95), noise=(0.5, 5.0))
    return _run(
        "photo-x4-deep",
        _optimise(6_000, 5e-4, 200, 0),
        start=_beside("photo-x4-last"),
        degradation=little,
        loss=_SQUARED,
        seed=6,
        patches=(48, 6),
        depth=14,
    )


def photo_x4_fine() -> Run:
    """A round of PSNR itself, in which smooth pictures count as much as textured ones."""
    little = spec(photo, scale=4, shares=(0.95, 0.1, 0.98), noise=(0.5, 5.0))
    return _run(
        "photo-x4-fine",
        _optimise(3_500, 3e-4, 100, 0),
        start=_beside("photo-x4-deep"),
        degradation=little,
        loss=part(PeakError),
        seed=7,
        patches=(48, 6),
        depth=14,
    )


def photo_x4_whole() -> Run:
    """Deeper again, of PSNR over nearly whole pictures, each as often: the mean of PSNR over a set of pictures."""
    return _run("photo-x4-whole", _optimise(4_800, 5e-4, 200, 0), start=_beside("photo-x4-fine"), seed=8, **_whole())


def photo_x4_wide() -> Run:
    """A third more channels, learnt in the same way."""
    start = _beside("photo-x4-whole")
    return _run("photo-x4-wide", _optimise(4_400, 5e-4, 200, 0), start=start, seed=9, width=64, **_whole())


def photo_x4_settled() -> Run:
    """A short round more, at a low rate."""
    start = _beside("photo-x4-wide")
    return _run("photo-x4-settled", _optimise(800, 2e-4, 50, 0), start=start, seed=10, width=64, **_whole())


def photo_x4_long() -> Run:
    """Eight times the pixels a step, on a GPU."""
    start = _beside("photo-x4-settled")
    whole: dict[str, Any] = _whole() | {"patches": (72, 8)}
    return _run("photo-x4-long", _optimise(9_000, 4e-4, 200, 0), start=start, seed=11, width=64, **whole)


def photo_x3_long() -> Run:
    """What the x4 model learnt last, on a GPU."""
    whole: dict[str, Any] = _whole(3) | {"patches": (72, 8), "depth": 10}
    return _run("photo-x3-long", _optimise(9_000, 4e-4, 200, 0), start=_beside("photo-x3-again"), seed=11, **whole)


def _whole(scale: int = 4) -> dict[str, Any]:
    return {
        "degradation": spec(photo, scale=scale, shares=(0.95, 0.1, 0.98), noise=(0.5, 5.0)),
        "loss": part(PeakError),
        "patches": (72, 4),
        "depth": 18,
        "weights": "equal",
    }


def photo_x3_again() -> Run:
    """The second round of the x3 model."""
    return _photo_again("photo-x3")


def photo_x2_again() -> Run:
    """The second round of the x2 model."""
    return _photo_again("photo-x2")


def _beside(name: str) -> str:
    """The network of the round before, where ``superres train`` puts it by itself."""
    return f"runs/{name}/last.safetensors"


def _tail(name: str) -> Run:
    trunk = _beside(f"{name.partition('-')[0]}-x4")
    return _run(name, _optimise(4_000, 5e-4, 100, 0.8), start=trunk, validate=_SET5)


def _long(name: str, *, after: str) -> Run:
    return _run(f"{name}-long", _optimise(14_000, 8e-4, 200), start=_beside(after), seed=11, patches=(48, 32))


def _end(name: str) -> Run:
    start, loss = _beside(f"{name}-long"), part(PeakError)
    optimise = _optimise(4_000, 2e-4, 100, 0)
    return _run(f"{name}-end", optimise, start=start, loss=loss, seed=12, patches=(64, 16), weights="equal")


def _photo_again(name: str) -> Run:
    """A second round, of the squared error and with less noise: it may sharpen more."""
    scale = int(name[-1])
    less = spec(photo, scale=scale, shares=(0.75, 0.35, 0.92), noise=(0.5, 5.0))
    optimise = _optimise(5_500, 5e-4, 100, 0)
    return _run(f"{name}-again", optimise, start=_beside(name), degradation=less, loss=_SQUARED, seed=4)
