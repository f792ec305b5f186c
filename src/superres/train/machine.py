"""Devices, processes and precision, all through Lightning Fabric."""

import warnings
from typing import Any, Literal, cast

from lightning_fabric import Fabric

from superres.terms.run import Optimise
from superres.terms.values import nearest
from superres.train.precision import chosen
from superres.types import BadRequest, EngineUnavailable

_FABRIC: dict[str, Any] = {"float32": "32-true", "bf16": "bf16-mixed", "fp16": "16-mixed"}
STRATEGIES = ("auto", "ddp", "fsdp")
Accelerator = Literal["auto", "cpu", "cuda", "mps"]


def open_fabric(
    optimise: Optimise,
    *,
    accelerator: str = "auto",
    devices: int = 1,
    nodes: int = 1,
    strategy: str = "auto",
) -> tuple[Fabric, str]:
    """Fabric, not launched yet, and a sentence where the precision asked for is not there.

    ``strategy`` is ``auto`` (one device, or DDP) or ``ddp``; ``fsdp`` is launched like it, the player is then sharded.
    """
    if devices < 1 or nodes < 1:
        raise BadRequest(f"{devices} devices on {nodes} nodes; wanted at least one of each")
    if strategy not in STRATEGIES:
        raise BadRequest(f"strategy {strategy!r} is not known{nearest(strategy, STRATEGIES)}; use auto, ddp or fsdp")
    try:
        found = _fabric(accelerator, devices, nodes, strategy, "32-true")
        precision, note = chosen(optimise.precision, found.device)
        if precision != "float32":
            found = _fabric(accelerator, devices, nodes, strategy, _FABRIC[precision])
    except (RuntimeError, ValueError, ImportError) as error:
        what = " ".join(str(error).split())[:300]
        raise EngineUnavailable(f"{devices} device(s) of {accelerator} with strategy {strategy}: {what}") from error
    return found, note


def _fabric(accelerator: str, devices: int, nodes: int, strategy: str, precision: Any) -> Fabric:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*srun.*")  # a hint for clusters, wrong for a single process
        return Fabric(
            accelerator=cast(Any, accelerator),
            devices=devices,
            num_nodes=nodes,
            strategy=cast(Any, "ddp" if strategy == "fsdp" else strategy),
            precision=precision,
        )
