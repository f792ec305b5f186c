"""The shipped network on public pictures, supervised: the recipe to begin with."""

from superres.data.patches import Patches
from superres.losses.l1 import L1
from superres.methods.supervised import Supervised
from superres.networks.chain import Chain
from superres.terms.run import Optimise, Run, Validate
from superres.terms.spec import LATE, part, spec


def chain() -> Run:
    """x4 from MATLAB-bicubic input of T91 and BSDS500's training and test pictures; half an hour on two cores."""
    return Run(
        name="chain",
        network=spec(Chain, scale=4),
        method=spec(Supervised, network=LATE, loss=part(L1)),
        data=spec(Patches, ("t91", "bsds"), scale=4, patch=128, batch=16, weights="area", small="skip"),
        optimise=Optimise(
            steps=18_000, lr=1e-3, warmup=200, schedule="cosine", floor=0.01, ema=0.999, clip=1.0, precision="bf16"
        ),
        validate=Validate(suites=("set5",)),
    )
