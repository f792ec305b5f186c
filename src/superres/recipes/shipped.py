"""How the weights inside the package were made.

``clean`` learns MATLAB-bicubic reduction only; ``photo`` learns mild blur, noise and JPEG as well. The x4 trunk is
trained from nothing, the x2 and x3 ones start from it with a new tail.

    python -m superres.recipes.shipped clean 4 --data FOLDER --out RUN
    python -m superres.recipes.shipped clean 4 --data FOLDER --out AGAIN --start RUN --seed 2
    python -m superres.recipes.shipped clean 4 --data FOLDER --out LAST --start AGAIN --seed 3 --squared
    python -m superres.recipes.shipped clean 2 --data FOLDER --out RUN2 --start RUN
"""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from superres.data.patches import Patches
from superres.data.pictures import Pictures
from superres.data.shrunk import Shrunk
from superres.degradations.photo import Photo, PhotoDraw
from superres.networks.chain import Chain
from superres.terms.degradation import Draw
from superres.train.fit import Schedule, fit

TRAINING_SETS = ("T91", "BSDS400", "Wikipedia49")
_LUMA = np.array([65.481, 128.553, 24.966]) / 255


def schedule(family: str, scale: int, *, again: bool = False, squared: bool = False) -> Schedule:
    """The trunk is trained long, everything that starts from it briefly.

    ``again`` is a second round of the trunk, with ``squared`` a short last one.
    """
    if scale == 4 and again and squared:
        return Schedule(steps=1_600, rate=2e-4, warmup=50, bfloat16_until=0.75, squared=True)
    if scale == 4 and again:
        return Schedule(steps=6_000, rate=6e-4, warmup=100, bfloat16_until=0.9)
    if scale == 4:
        return Schedule(steps=18_000 if family == "clean" else 14_000)
    return Schedule(steps=4_000, rate=5e-4, warmup=100, bfloat16_until=0.8)


@dataclass(frozen=True)
class _OnTensors:
    """Photo's deed, which is done to 8-bit pictures one by one, as a degradation of batches."""

    photo: Photo

    @property
    def scale(self) -> int:
        return self.photo.scale

    def draw(self, rng: np.random.Generator) -> Draw:
        return asdict(self.photo.draw(rng))

    def apply(self, x: Tensor, draws: Sequence[Draw]) -> Tensor:
        pictures: list[npt.NDArray[np.uint8]] = [
            np.ascontiguousarray(one.permute(1, 2, 0).mul(255).round().to(torch.uint8).cpu().numpy()) for one in x
        ]
        done = [
            self.photo.apply(picture, PhotoDraw(**cast(dict[str, Any], draw)))
            for picture, draw in zip(pictures, draws, strict=True)
        ]
        return torch.from_numpy(np.stack(done)).permute(0, 3, 1, 2).to(x).div_(255)


def luma_psnr(pictures: Pictures, scale: int) -> Callable[[nn.Module], float]:
    """Mean PSNR of unrounded studio luma, border = scale, on whole pictures."""
    low = Shrunk(pictures, scale=scale)

    def measure(net: nn.Module) -> float:
        values: list[float] = []
        for index in range(len(pictures)):
            x: Tensor = torch.from_numpy(low[index].copy()).permute(2, 0, 1)[None].float() / 255
            with torch.inference_mode():
                y: npt.NDArray[np.float64] = net(x)[0].clamp(0, 1).mul(255).round().permute(1, 2, 0).double().numpy()
            error = ((y - pictures[index][: y.shape[0], : y.shape[1]]) @ _LUMA)[scale:-scale, scale:-scale]
            values.append(float(10 * np.log10(255**2 / np.mean(error**2))))
        return float(np.mean(values))

    return measure


def begin_from(net: Chain, trunk: Chain) -> None:
    """Copy the x4 trunk; a tail of another scale begins as the x4 tail averaged over the areas of its own pixels."""
    if net.scale == trunk.scale:
        net.load_state_dict(trunk.state_dict())
        return
    for mine, theirs in ((net.head, trunk.head), (net.body, trunk.body)):
        mine.load_state_dict(theirs.state_dict())
    edges = torch.arange(net.scale + 1) * trunk.scale / net.scale
    fine = torch.arange(trunk.scale)
    overlap = torch.minimum(edges[1:, None], fine + 1.0) - torch.maximum(edges[:-1, None], fine.float())
    axis = overlap.clamp(min=0) * net.scale / trunk.scale
    area = torch.kron(axis, axis)  # (scale^2, 16): how much of each x4 pixel falls into each of ours
    with torch.no_grad():
        for mine, theirs in ((net.tail.direct, trunk.tail.kernel()), (net.tail.bias, trunk.tail.bias)):
            by_band = theirs.reshape(3, trunk.scale**2, -1)
            mine.copy_((area @ by_band).reshape(mine.shape))
        net.tail.outer.zero_()


def train(
    family: str, scale: int, data: Path, out: Path, *, start: Path | None = None, seed: int = 1, squared: bool = False
) -> nn.Module:
    """One shipped model from pictures in ``data/train``; ``start`` is the run folder of the x4 trunk.

    At x4 ``start`` gives the trunk a second round; at x2 and x3 the tail begins anew.
    """
    torch.manual_seed(seed)
    clean = family == "clean"
    pictures = Pictures([data / "train" / name for name in TRAINING_SETS], bands=3)
    net = Chain(scale=scale)
    if start is not None:
        trunk = Chain(scale=4)
        state: dict[str, Tensor] = torch.load(start / "last.pt", weights_only=True)["mean"]
        trunk.load_state_dict({k.removeprefix("module."): v for k, v in state.items() if k.startswith("module.")})
        begin_from(net, trunk)
    patches = Patches(
        pictures,
        scale=scale,
        patch=32 * scale,
        batch=16,
        seed=seed,
        degradation=None if clean else _OnTensors(Photo(scale=scale)),
        weights="area",
        small="skip",
    )
    measure = luma_psnr(Pictures(data / "benchmarks" / "Set5", bands=3), scale)

    def batches(step: int) -> tuple[Tensor, Tensor]:
        sample = patches(step)
        return sample["lr"], sample["hr"]

    return fit(
        net,
        batches,
        schedule(family, scale, again=start is not None, squared=squared),
        out,
        validate=lambda module: {"set5": measure(module)},
        bfloat16=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("family", choices=("clean", "photo"))
    parser.add_argument("scale", type=int, choices=(2, 3, 4))
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--start", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--squared", action="store_true", help="the last, short round of the x4 trunk")
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    train(given.family, given.scale, given.data, given.out, start=given.start, seed=given.seed, squared=given.squared)


if __name__ == "__main__":
    main()
