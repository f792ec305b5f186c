"""A generator against a discriminator, two turns a step and a penalty on the gradient every sixteenth.

SRGAN (Ledig et al. 2017) without its VGG term; the least-squares loss is LSGAN's (Mao et al. 2017), the relativistic
average that of ESRGAN (Wang et al. 2018), the penalty R1 (Mescheder et al. 2018, equation 9), seldom and therefore
stronger as in StyleGAN 2 (Karras et al. 2020).
"""

from collections.abc import Callable, Mapping
from typing import Any, Literal, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from superres.terms.method import Memo, Turn
from superres.terms.sample import Sample
from superres.types import BadRequest

Kind = Literal["vanilla", "lsgan", "relativistic"]


class Gan:
    """``network`` is the generator, charged ``pixel_weight`` * pixel + ``adversarial_weight`` * adversarial.

    The relativistic loss compares with the mean score of the part of the batch that a process holds at once; the
    others judge every picture alone. ``penalty_weight`` 0 leaves the third turn out.
    """

    result = "generator"

    def __init__(
        self,
        network: nn.Module,
        *,
        discriminator: nn.Module,
        pixel: Callable[[Tensor, Tensor], Tensor],
        kind: Kind = "vanilla",
        pixel_weight: float = 1.0,
        adversarial_weight: float = 1e-3,
        penalty_weight: float = 10.0,
        penalty_every: int = 16,
    ) -> None:
        if min(pixel_weight, adversarial_weight, penalty_weight) < 0 or penalty_every < 1:
            raise BadRequest("Gan: weights must be 0 or more, and penalty_every at least 1")
        self.generator, self.discriminator, self.pixel, self.kind = network, discriminator, pixel, kind
        self.pixel_weight, self.adversarial_weight = pixel_weight, adversarial_weight
        self.penalty_weight, self.penalty_every = penalty_weight, penalty_every
        self.players: Mapping[str, nn.Module] = {"generator": network, "discriminator": discriminator}
        turns = [Turn("generator", self._generator_loss), Turn("discriminator", self._discriminator_loss)]
        if penalty_weight > 0:
            turns.append(Turn("discriminator", self._penalty, every=penalty_every))
        self.turns = tuple(turns)

    def _made(self, batch: Sample, memo: Memo) -> Tensor:
        return cast(Tensor, memo.get("sr", lambda: self.generator(batch["lr"]).float()))

    def _generator_loss(self, batch: Sample, memo: Memo) -> Mapping[str, Tensor]:
        made = self._made(batch, memo)
        terms = {"pixel": self.pixel_weight * self.pixel(made, batch["hr"])}
        fake = self._judged(made)
        if self.kind == "relativistic":
            real = self._judged(batch["hr"])
            adversarial = (_bce(real - fake.mean(), 0.0) + _bce(fake - real.mean(), 1.0)) / 2
        else:
            adversarial = self._cost(fake, 1.0)
        return {**terms, "adversarial": self.adversarial_weight * adversarial}

    def _discriminator_loss(self, batch: Sample, memo: Memo) -> Mapping[str, Tensor]:
        real, fake = self._judged(batch["hr"]), self._judged(self._made(batch, memo).detach())
        if self.kind == "relativistic":
            cost = (_bce(real - fake.mean(), 1.0) + _bce(fake - real.mean(), 0.0)) / 2
        else:
            cost = (self._cost(real, 1.0) + self._cost(fake, 0.0)) / 2
        return {"discriminator": cost}

    def _penalty(self, batch: Sample, _: Memo) -> Mapping[str, Tensor]:
        """Half the squared gradient of the score at real pictures, in float32, times how seldom it is asked for."""
        real = cast(Tensor, batch["hr"]).detach().requires_grad_(True)
        with torch.autocast(real.device.type, enabled=False):
            score = self._judged(real).sum()
            (gradient,) = torch.autograd.grad(score, real, create_graph=True)
        size = gradient.square().sum((1, 2, 3)).mean()
        return {"penalty": self.penalty_every * self.penalty_weight / 2 * size}

    def _judged(self, x: Tensor) -> Tensor:
        return self.discriminator(x).float()

    def _cost(self, score: Tensor, wanted: float) -> Tensor:
        return _bce(score, wanted) if self.kind == "vanilla" else (score - wanted).square().mean()

    def state_dict(self) -> dict[str, Any]:
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Nothing is kept between steps."""


def _bce(score: Tensor, wanted: float) -> Tensor:
    """Binary cross-entropy of scores against one wanted answer."""
    return F.binary_cross_entropy_with_logits(score, torch.full_like(score, wanted))
