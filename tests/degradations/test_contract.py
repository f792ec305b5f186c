"""Every degradation, alone and composed, under the shipped contract; and the contract itself against offenders."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from superres.degradations.blur import Blur
from superres.degradations.channel_shuffle import ChannelShuffle
from superres.degradations.compose import Chain, Choice, Maybe, Shuffled
from superres.degradations.correlated_noise import CorrelatedNoise
from superres.degradations.gain import Gain
from superres.degradations.gamma import Gamma
from superres.degradations.gaussian_noise import GaussianNoise
from superres.degradations.gray import Gray
from superres.degradations.imresize import Imresize
from superres.degradations.jpeg import Jpeg
from superres.degradations.kernels import Anisotropic, Isotropic, Mixed, Motion, Plateau, Sinc
from superres.degradations.photo import Photo
from superres.degradations.poisson_noise import PoissonNoise
from superres.degradations.quantise import Quantise
from superres.degradations.recipes import RECIPES
from superres.degradations.saturation import Saturation
from superres.degradations.soft_jpeg import SoftJpeg
from superres.degradations.speckle_noise import SpeckleNoise
from superres.degradations.srcnn import Srcnn
from superres.degradations.subsample import Subsample
from superres.degradations.white_balance import WhiteBalance
from superres.terms.degradation import Degradation, Draw
from superres.testing.degradations import check_degradation

NOISE = GaussianNoise(gray=0.5)
TABLE: dict[str, Degradation] = {
    "imresize": Imresize(scale=3),
    "imresize in floats": Imresize(scale=4, levels=None),
    "subsample": Subsample(scale=4),
    "subsample corner": Subsample(scale=3, phase="corner"),
    "blur isotropic": Blur(kernels=Isotropic()),
    "blur mixed": Blur(kernels=Mixed((Anisotropic(size=7), Plateau(size=15), Motion(), Sinc())), scale=2),
    "gaussian noise": NOISE,
    "poisson noise": PoissonNoise(peak=(5, 500), gray=0.5),
    "speckle noise": SpeckleNoise(gray=0.5),
    "correlated noise": CorrelatedNoise(),
    "quantise": Quantise(),
    "jpeg": Jpeg(),
    "soft jpeg": SoftJpeg(),
    "soft jpeg, soft": SoftJpeg(rounding="soft"),
    "gain": Gain(),
    "gamma": Gamma(),
    "white balance": WhiteBalance(),
    "saturation": Saturation(),
    "channel shuffle": ChannelShuffle(share=0.7),
    "gray": Gray(),
    "srcnn": Srcnn(factor=3),
    "srcnn by bicubic": Srcnn(factor=2, sigma=None, levels=None),
    "photo": Photo(scale=3),
    "chain": Chain((Subsample(scale=2), NOISE, Imresize(scale=2, levels=None))),
    "choice": Choice((Imresize(scale=2), Subsample(scale=2)), shares=(0.3, 0.7)),
    "maybe": Maybe(NOISE),
    "shuffled": Shuffled((NOISE, Imresize(scale=2, levels=None), Jpeg())),
    "composed": Shuffled((Maybe(Chain((Gamma(), NOISE))), Choice((Gain(), Gray())), Subsample(scale=2))),
}


@pytest.mark.parametrize("name", TABLE)
def test_every_degradation_keeps_the_contract(name: str) -> None:
    check_degradation(TABLE[name], count=4)


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_keeps_the_contract(name: str, scale: int, tmp_path: Path) -> None:
    more = {}
    if name == "kernel-file":
        np.save(tmp_path / "k.npy", np.random.default_rng(0).random((3, 9, 8)))
        more["file"] = str(tmp_path / "k.npy")
    check_degradation(RECIPES[name](scale=scale, **more), count=2, size=(36, 44))


def test_gray_pictures_are_pictures_too() -> None:
    for name in ("imresize", "blur mixed", "gaussian noise", "poisson noise", "correlated noise", "jpeg", "soft jpeg"):
        check_degradation(TABLE[name], bands=1, count=2)
    check_degradation(Photo(scale=2), bands=1, count=2)


@dataclass(frozen=True)
class Offender:
    """Adds noise in a way that breaks one law."""

    law: str
    scale: int = 1

    def draw(self, rng: np.random.Generator) -> Draw:
        if self.law == "plain":
            return {"seed": (1, 2)}  # type: ignore[dict-item]
        if self.law == "generator":
            return {"seed": int(np.random.default_rng().integers(0, 1 << 30))}
        return {"seed": int(rng.integers(0, 1 << 30))}

    def apply(self, x: Tensor, draws: Sequence[Draw]) -> Tensor:
        if self.law == "global":
            return x + torch.rand(1)
        if self.law == "batch":
            return x - x.mean()
        if self.law == "dtype":
            return x.float()
        if self.law == "argument":
            return x.mul_(0.5)
        return x[..., 1:] if self.law == "size" else x


@pytest.mark.parametrize(
    ("law", "said"),
    [
        ("plain", "JSON"),
        ("generator", "no function of its generator"),
        ("global", "global generator"),
        ("batch", "of a batch"),
        ("dtype", "gives torch.float32"),
        ("argument", "changes the pictures"),
        ("size", "gives shape"),
        ("refusals", "accepts a missing draw"),
    ],
)
def test_the_contract_finds_offenders(law: str, said: str) -> None:
    with pytest.raises(AssertionError, match=said):
        check_degradation(Offender(law))
