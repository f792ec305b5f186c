"""Models of the published sizes with drawn weights, for measuring: what a weight is does not change the work.

A network with drawn weights throws the picture away, and whoever checks results would rightly refuse them: so the first
three channels carry the picture through, and the rest adds a little to it.
"""

import math
from pathlib import Path
from typing import Any

SEED = 0
_LITTLE = 0.02  # of the usual deviation, for layers outside the body


def rrdb() -> Any:
    """RRDB of 23 blocks, 64 features, 32 more in each dense layer: 16.7 M parameters, x4."""
    from superres.networks.rrdb import RRDB

    module = RRDB()
    for layer in (module.head, module.upsample[0].conv, module.upsample[2].conv, module.upsample[4], module.tail):
        _carrying(layer)
    _quiet(module.body[-1])  # what comes of 23 blocks
    module.body[-1].weight.mul_(_LITTLE)
    return module


def srvgg() -> Any:
    """SRVGG of 16 layers and 64 features, x4; it adds to the repeated picture."""
    from superres.networks.srvgg import SRVGG

    module = SRVGG()
    _quiet(module.upsample.layers[0])
    return module


MODELS = {"rrdb-23": rrdb, "srvgg-16": srvgg}


def network(name: str) -> Any:
    """The module called ``name``, the same in every process."""
    import torch

    torch.manual_seed(SEED)
    with torch.no_grad():
        return MODELS[name]().eval()


def save(name: str, folder: Path) -> Path:
    """The model's file in ``folder``."""
    from superres.graph.file import save_model
    from superres.train.export import to_graph

    path = folder / f"{name}.safetensors"
    save_model(path, to_graph(network(name), scale=4), {"name": name})
    return path


def _quiet(layer: Any) -> None:
    layer.weight.mul_(_LITTLE)
    layer.bias.zero_()


def _carrying(layer: Any) -> None:
    _quiet(layer)
    layer.weight.mul_(1 / math.sqrt(3))
    for channel in range(3):
        layer.weight[channel, channel, 1, 1] = 1.0
