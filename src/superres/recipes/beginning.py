"""Weights for a Chain to begin from: another's, which may have fewer channels, fewer convolutions or another scale."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from superres.blocks.folding import FoldedConv2d
from superres.graph.graph import Graph
from superres.networks.chain import Chain
from superres.runtime.models import load
from superres.terms.weights import is_network_file, load_network
from superres.types import BadModel


def begin(network: nn.Module, *, file: str) -> None:
    """Weights for a Chain: of a network file of a run, or of a packaged model, by its name or file.

    Where those are of another scale, the trunk is taken, and the tail begins as theirs averaged over the areas of its
    own pixels.
    """
    if not isinstance(network, Chain):
        raise BadModel(f"{file} gives weights to a Chain, not to a {type(network).__name__}")
    begin_from(network, _chain(file))


def _chain(file: str) -> Chain:
    path = Path(file) / "last.safetensors" if Path(file).is_dir() else Path(file)
    if path.suffix == ".safetensors" and not path.is_file():
        raise BadModel(f"{path}: no such file; train the round that it comes from first, or set start.file")
    if path.suffix != ".safetensors" or not is_network_file(path):
        model = load(path if path.is_file() else file)
        if model.graph is None:
            raise BadModel(f"{file} is no Chain; wanted a run's network file or a model of the package")
        return unfolded(model.graph, model.card.get("arguments", {}))
    network, _ = load_network(path)
    if not isinstance(network, Chain):
        raise BadModel(f"{file} holds a {type(network).__name__}; wanted a Chain")
    return network


def begin_from(net: Chain, trunk: Chain) -> None:
    """Copy the trunk; a tail of another scale begins as the trunk's tail averaged over the areas of its own pixels.

    A deeper net has the trunk's convolutions at even distances, and between them ones that begin as the identity. A
    wider one of the same scale has channels that are random, and that nothing of the trunk listens to yet.
    """
    _copy(net.head, trunk.head)
    _copy_body(net, trunk)
    if net.scale == trunk.scale:
        _copy(net.tail, trunk.tail)
        return
    edges = torch.arange(net.scale + 1) * trunk.scale / net.scale
    fine = torch.arange(trunk.scale)
    overlap = torch.minimum(edges[1:, None], fine + 1.0) - torch.maximum(edges[:-1, None], fine.float())
    axis = overlap.clamp(min=0) * net.scale / trunk.scale
    area = torch.kron(axis, axis)  # (scale^2, 16): how much of each x4 pixel falls into each of ours
    with torch.no_grad():
        for mine, theirs in ((net.tail.direct, trunk.tail.kernel()), (net.tail.bias, trunk.tail.bias)):
            by_band = theirs.reshape(3, trunk.scale**2, -1)
            mine.copy_((area @ by_band).reshape(mine.shape))
        net.tail.outer.zero_()


def _copy_body(net: Chain, trunk: Chain) -> None:
    more = len(net.body) - len(trunk.body)
    if more < 0:
        raise BadModel(
            f"the trunk has {len(trunk.body)} convolutions in its body, more than the {len(net.body)} wanted"
        )
    new = {round((index + 1) * len(net.body) / (more + 1)) - 1 for index in range(more)}
    old = iter(trunk.body)
    with torch.no_grad():
        for index, conv in enumerate(net.body):
            if index not in new:
                _copy(conv, next(old))
                continue
            for part in (conv.direct, conv.outer, conv.bias):
                part.zero_()  # type: ignore[operator]


def _copy(conv: nn.Module, trunk: nn.Module) -> None:
    """The trunk's outputs are the first ones here, and hear its inputs only; the others stay as they are."""
    assert isinstance(conv, FoldedConv2d)
    assert isinstance(trunk, FoldedConv2d)
    outputs, inputs = trunk.direct.shape[:2]
    hidden = len(trunk.inner)
    if any(a < b for a, b in zip(conv.direct.shape, trunk.direct.shape, strict=True)):
        raise BadModel(f"the trunk's convolution of {inputs} to {outputs} channels is wider than the network's")
    with torch.no_grad():
        for mine, first, theirs in (
            (conv.direct, outputs, trunk.direct),
            (conv.inner, hidden, trunk.inner),
            (conv.outer, outputs, trunk.outer),
        ):
            mine[:first] = 0
            mine[:first, : theirs.shape[1]] = theirs
        conv.direct[:outputs, :inputs] += trunk.identity - conv.identity[:outputs, :inputs]  # of square ones only
        conv.bias[:outputs] = trunk.bias


def unfolded(graph: Graph, arguments: dict[str, Any]) -> Chain:
    """A packaged model as a Chain: its kernels become the direct branches, the wide branches begin at nothing."""
    net = Chain(**arguments)
    named = sorted(graph.weights.items(), key=lambda one: int(one[0][1:].split(".")[0]))
    tensors: list[tuple[str, Tensor]] = [(key, torch.from_numpy(one.copy())) for key, one in named]
    kernels = [one for key, one in tensors if key.endswith(".weight")]
    biases = [one for key, one in tensors if key.endswith(".bias")]
    parts = [net.head, *net.body, net.tail]
    if len(kernels) != len(parts) or len(biases) != len(parts):
        raise BadModel(f"the model has {len(kernels)} convolutions, the Chain of its card has {len(parts)}")
    with torch.no_grad():
        for part, kernel, bias in zip(parts, kernels, biases, strict=True):
            part.outer.zero_()  # type: ignore[union-attr]
            part.direct.copy_(kernel - part.identity)  # type: ignore[union-attr]
            part.bias.copy_(bias)  # type: ignore[union-attr]
    return net
