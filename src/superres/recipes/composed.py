"""One body in any framework, with any upsampler, idea and normalisation, on an equal small budget: a study's run."""

from superres.blocks.normalise import Norm
from superres.blocks.upsample import Kind
from superres.losses.l1 import L1
from superres.methods.supervised import Supervised
from superres.networks.composed import Composed, Framework
from superres.recipes.shipped import training_pictures
from superres.terms.run import Optimise, Run
from superres.terms.spec import LATE, part, spec


def composed(
    *,
    framework: Framework = "post",
    upsample: Kind = "sub-pixel",
    idea: str = "residual",
    norm: Norm = "none",
    blocks: int = 4,
    width: int = 16,
    scale: int = 4,
    steps: int = 500,
    seed: int = 1,
) -> Run:
    """x4 from MATLAB-bicubic input of the pictures that the shipped models learn from; under a minute on two cores."""
    network = spec(
        Composed,
        scale=scale,
        framework=framework,
        upsample=upsample,
        idea=idea,
        norm=norm,
        blocks=blocks,
        width=width,
    )
    return Run(
        name="composed",
        network=network,
        method=spec(Supervised, network=LATE, loss=part(L1)),
        data=spec(training_pictures, scale=scale, patch=16, batch=4),
        optimise=Optimise(
            steps=steps, lr=2e-3, warmup=min(50, steps - 1), schedule="cosine", floor=0.01, ema=0.99, clip=1.0
        ),
        seed=seed,
    )
