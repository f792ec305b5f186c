"""A Graph under construction, one operation after the other."""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from torch import Tensor

from superres.graph.graph import Attribute, Graph, Operation, Weight
from superres.graph.shapes import Form, infer
from superres.types import BadModel


class Value:
    """A value of the graph under construction; ``last`` where its channels stand behind rows and columns."""

    def __init__(self, name: str, *, last: bool = False) -> None:
        self.name, self.last = name, last


@dataclass(frozen=True)
class Side:
    """What a network learns of a value's size while it is traced: a side of it, divided and rounded down."""

    value: str
    axis: int
    divisor: int = 1


class Writer:
    """A graph under construction; ``node`` is the traced step at work, for the messages."""

    def __init__(self, channels: int) -> None:
        self.channels = channels
        self.operations: list[Operation] = []
        self.weights: dict[str, Weight] = {}
        self.forms: dict[str, Form] = {"input": Form(channels, (Fraction(1), Fraction(1)))}
        self.node = ""
        self.result = ""

    def refuse(self, what: str) -> BadModel:
        return BadModel(f"the step {self.node!r} {what}, which a Graph cannot express")

    def add(
        self,
        kind: str,
        *inputs: Any,
        weights: Mapping[str, Tensor | None] | None = None,
        **attributes: Attribute,
    ) -> Value:
        """Append an operation; its form is checked at once, so that errors name the step."""
        if any(not isinstance(one, Value) for one in inputs):
            raise self.refuse(f"applies {kind} to something else than a picture")
        output = f"v{len(self.operations)}"
        roles: dict[str, str] = {}
        for role, tensor in (weights or {}).items():
            if tensor is not None:
                roles[role] = f"{output}.{role}"
                self.weights[roles[role]] = np.ascontiguousarray(tensor.detach().numpy(), dtype=np.float32)
        operation = Operation(kind, tuple(one.name for one in inputs), output, attributes, roles)
        shapes = {role: self.weights[key].shape for role, key in roles.items()}
        try:
            self.forms[output] = infer(operation, [self.forms[one.name] for one in inputs], shapes)
        except BadModel as error:
            raise BadModel(f"the step {self.node!r} does not fit: {error}") from error
        self.operations.append(operation)
        return Value(output)

    def graph(self, scale: int) -> Graph:
        """What the output needs, and nothing else."""
        needed, kept = {self.result}, list[Operation]()
        for operation in reversed(self.operations):
            if operation.output in needed:
                needed.update(operation.inputs)
                kept.append(operation)
        used = {key for operation in kept for key in operation.weights.values()}
        weights = {key: weight for key, weight in self.weights.items() if key in used}
        return Graph(tuple(reversed(kept)), weights, scale, self.channels, output=self.result)


def pair(value: Any) -> tuple[int, int]:
    both = (value, value) if isinstance(value, int) else tuple(value)
    return (both[0], both[0]) if len(both) == 1 else (both[0], both[1])
