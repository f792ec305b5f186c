"""SRGAN (Ledig et al. 2017) in small: the shipped chain as generator, begun from its packaged weights.

As the paper: Adam 1e-4, HR patches of 96, batch 16, adversarial weight 1e-3 beside the pixel term, the rate a tenth in
the second half. Not as the paper: no VGG term, a discriminator without batch normalisation under an R1 penalty, and a
fifth of the steps.
"""

from superres.blocks.discriminator import VggDiscriminator
from superres.data.patches import Patches
from superres.losses.l1 import L1
from superres.methods.gan import Gan
from superres.networks.chain import Chain
from superres.recipes.beginning import begin
from superres.terms.run import Optimise, Rule, Run, Validate
from superres.terms.spec import LATE, part, spec


def srgan_small() -> Run:
    """x4 on T91 and BSDS500's training and test pictures."""
    steps = 40_000
    return Run(
        name="srgan-small",
        network=spec(Chain, scale=4),
        method=spec(Gan, network=LATE, discriminator=part(VggDiscriminator), pixel=part(L1)),
        data=spec(Patches, ("t91", "bsds"), scale=4, patch=96, batch=16, weights="area", small="skip"),
        optimise=Optimise(
            steps=steps,
            lr=1e-4,
            schedule="multistep",
            milestones=(steps // 2,),
            gamma=0.1,
            ema=0.999,
            players={"discriminator": Rule(lr=1e-4, schedule="multistep", milestones=(steps // 2,), gamma=0.1)},
        ),
        validate=Validate(suites=("set5",)),
        start=spec(begin, network=LATE, file="clean-x4"),
    )
