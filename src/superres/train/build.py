"""From a Run to live objects: network, method, source of batches, validation."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from torch import nn

from superres.terms.method import Method
from superres.terms.run import Run, Validate
from superres.terms.source import Source
from superres.terms.spec import Spec, mapped, parameters
from superres.types import BadRequest

Measure = Callable[[nn.Module], Mapping[str, float]]


@dataclass(frozen=True)
class Built:
    """What a run trains with."""

    network: nn.Module
    method: Method
    source: Source
    measure: Measure | None


def settled(run: Run, data_root: str | None = None) -> Run:
    """The run with what its data leave open: the run's own seed, and the data root where one is given."""

    def fill(made: Spec[Any]) -> Spec[Any]:
        declared = parameters(made.factory)
        arguments = {key: mapped(value, fill) for key, value in made.arguments.items()}
        if "seed" in declared:
            arguments.setdefault("seed", run.seed)
        if "root" in declared and data_root is not None:
            arguments["root"] = data_root
        return Spec(made.target, arguments)

    validate = run.validate
    if validate is not None and data_root is not None:
        validate = replace(validate, root=data_root)
    return replace(run, data=fill(run.data), validate=validate)


def build(run: Run, *, device: str = "cpu") -> Built:
    """Data, network and method, built in this order from the seed that is set; ``run.start`` gives weights."""
    source: Any = run.data.build(**_on_device(run.data, device))
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
    measure = None if run.validate is None else measure_of(run.validate, network)
    return Built(network, method, source, measure)


def _on_device(data: Spec[Any], device: str) -> dict[str, Any]:
    """The device of this very process, where the data want one and ask for none, or for one of its kind."""
    if "device" not in parameters(data.factory):
        return {}
    asked = data.arguments.get("device")
    return {"device": device} if asked is None or str(asked) == device.partition(":")[0] else {}


def measure_of(validate: Validate, network: nn.Module) -> Measure:
    """The validation that a string names, given what it asks for of suites, protocol, scale and root."""
    known = {
        "suites": validate.suites,
        "protocol": validate.protocol,
        "metrics": validate.metrics,
        "scale": getattr(network, "scale", None),
        "root": validate.root,
    }
    made = Spec[Measure](validate.target)
    declared = parameters(made.factory)
    return made.build(**{key: value for key, value in known.items() if key in declared})
