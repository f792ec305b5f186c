"""From a Run to live objects: network, method, source of batches, validation."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from torch import nn

from superres.terms.method import Method
from superres.terms.run import Run, Validate
from superres.terms.source import Source
from superres.terms.spec import Spec, parameters
from superres.types import BadRequest

Measure = Callable[[nn.Module], Mapping[str, float]]


@dataclass(frozen=True)
class Built:
    """What a run trains with."""

    network: nn.Module
    method: Method
    source: Source
    measure: Measure | None


def build(run: Run, *, data_root: str | None = None, device: str = "cpu") -> Built:
    """Network, method and data, built in this order from the seed that is set; then ``run.start`` gives weights."""
    root = data_root or os.environ.get("SUPERRES_DATA")
    source: Any = run.data.build(**_late(run.data, {"seed": run.seed, "root": root, "device": device}))
    if not isinstance(source, Source):
        raise BadRequest(f"data: {run.data.target} gives no batches; wanted a source, called with (step, part)")
    network: Any = run.network.build()
    if not isinstance(network, nn.Module):
        raise BadRequest(f"network: {run.network.target} builds {type(network).__name__}; wanted an nn.Module")
    if run.start is not None:
        run.start.build(network=network)
    method: Any = run.method.build(network=network)
    if not isinstance(method, Method):
        raise BadRequest(f"method: {run.method.target} is no method; wanted players, turns and result")
    measure = None if run.validate is None else measure_of(run.validate, network, root)
    return Built(network, method, source, measure)


def _late(made: Spec[Any], known: Mapping[str, Any]) -> dict[str, Any]:
    """What the loop knows and the recipe leaves open: not given, or given as None."""
    declared = parameters(made.factory)
    open_ones = [key for key in known if key in declared and made.arguments.get(key) is None]
    return {key: known[key] for key in open_ones if known[key] is not None or key in made.missing}


def measure_of(validate: Validate, network: nn.Module, root: str | None) -> Measure:
    """The validation that a string names, given what it asks for of suites, protocol, scale and root."""
    known = {
        "suites": validate.suites,
        "protocol": validate.protocol,
        "scale": getattr(network, "scale", None),
        "root": validate.root or root,
    }
    made = Spec[Measure](validate.target)
    declared = parameters(made.factory)
    return cast(Measure, made.build(**{key: value for key, value in known.items() if key in declared}))
