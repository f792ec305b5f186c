"""An nn.Module as an Upscaler, and what it costs."""

import copy
from contextlib import suppress
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from superres.bench.opening import opened
from superres.graph.graph import Graph
from superres.graph.radius import alignment, halo
from superres.runtime.tiles import Grid, strips
from superres.terms.network import run_padded
from superres.types import Array, BadModel, BadRequest, Box, Tile

_LEARNT = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.Linear, nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)


class ModuleUpscaler:
    """A module that takes and gives (B, C, H, W) in [0, 1], in evaluation mode and without gradients.

    Args:
        scale: its factor; ``module.scale`` when not given.
        tile: side of the tiles the picture goes through in, in input pixels; None takes the picture whole. The halo
            comes from the module's graph, so tiles equal the whole; a module without a graph needs ``halo``.
        device: where it runs; the module is moved there.
    The module is put back into the mode it was in after each call.
    """

    def __init__(
        self,
        module: nn.Module,
        *,
        scale: int | None = None,
        tile: int | None = None,
        halo: int | None = None,
        device: str | torch.device = "cpu",
    ) -> None:
        found = scale if scale is not None else getattr(module, "scale", None)
        if not isinstance(found, int) or found < 1:
            raise BadRequest(f"{type(module).__name__} does not tell its scale ({found!r}); give scale=2, say")
        self._module, self.scale, self._device = module.to(device), found, torch.device(device)
        self._tile, self._halo, self._align = tile, halo, 1
        if tile is not None:
            self._learn_reach(tile)

    @property
    def halo(self) -> int | None:
        return self._halo

    def __call__(self, tile: Tile) -> Tile:
        """(B, C, H, W) float32 -> (B, C, scale * H, scale * W), not clipped."""
        training = self._module.training
        self._module.eval()
        try:
            with torch.inference_mode():
                return self._run(np.asarray(tile, np.float32))
        finally:
            self._module.train(training)

    def _run(self, x: Tile) -> Tile:
        if self._tile is None or self._halo is None:
            return self._forward(x)
        return np.concatenate([self._tiled(one[None], self._tile, self._halo) for one in x])

    def _forward(self, x: Tile) -> Tile:
        given = torch.from_numpy(np.ascontiguousarray(x)).to(self._device)
        made: Any = run_padded(self._module, given)
        wanted = (x.shape[0], x.shape[2] * self.scale, x.shape[3] * self.scale)
        if not isinstance(made, Tensor) or made.ndim != 4 or (made.shape[0], *made.shape[2:]) != wanted:
            what = tuple(made.shape) if isinstance(made, Tensor) else type(made).__name__
            raise BadModel(
                f"{type(self._module).__name__} gives {what} for {tuple(x.shape)}; wanted (B, C, {self.scale} * H, "
                f"{self.scale} * W)"
            )
        return made.float().cpu().numpy()

    def _tiled(self, x: Tile, tile: int, reach: int) -> Tile:
        rows = x[0].transpose(1, 2, 0)
        grid = Grid(rows.shape[0], rows.shape[1], (tile, tile), reach, self._align)

        def work(part: Array, core: Box) -> Array:
            made = self._forward(np.ascontiguousarray(part.transpose(2, 0, 1)[None]))[0].transpose(1, 2, 0)
            top, left = core.top * self.scale, core.left * self.scale
            return made[top : top + core.height * self.scale, left : left + core.width * self.scale]

        parts = list(strips(lambda top, height: rows[top : top + height], grid, self.scale, work))
        return np.ascontiguousarray(np.concatenate(parts).transpose(2, 0, 1)[None])

    def _learn_reach(self, tile: int) -> None:
        if tile < 1:
            raise BadRequest(f"tile is {tile}; wanted a side of 1 pixel or more")
        graph = graph_of(self._module, self.scale)
        if graph is not None:
            known = halo(graph)
            self._halo, self._align = known if self._halo is None else self._halo, alignment(graph)
        if self._halo is None:
            raise BadRequest(
                f"{type(self._module).__name__}: how far it sees is not known, so tiles would not equal the whole "
                "picture; give halo=, or no tile"
            )


def graph_of(module: nn.Module, scale: int, channels: int | None = None) -> Graph | None:
    """The module's graph, or None where its steps are not all known."""
    with suppress(BadModel, BadRequest):
        to_graph = opened("superres.train.export:to_graph")  # a neighbour on this floor, so by name
        return to_graph(module, scale=scale, channels=channels or channels_of(module) or 3)
    return None


def channels_of(module: nn.Module) -> int | None:
    """Bands that the module takes: its ``channels``, else what its first kernel takes; None where neither is there."""
    told = getattr(module, "channels", None)
    if isinstance(told, int):
        return told
    for one in module.modules():
        if isinstance(one, nn.ConvTranspose2d):
            return one.in_channels
        for kernel in one.parameters(recurse=False):
            if kernel.ndim == 4:
                groups = getattr(one, "groups", 1)
                return int(kernel.shape[1]) * (groups if isinstance(groups, int) else 1)
    return None


def counted(module: nn.Module, channels: int, height: int, width: int) -> tuple[int, int] | None:
    """Multiply-adds and activations of convolutions and linear layers, seen by hooks on a run without numbers.

    Attention and other products of tensors are not seen. None where the module cannot run without numbers.
    """
    copied = copy.deepcopy(module).to("meta").eval()
    total = [0, 0]

    def count(one: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        weight = cast(Tensor, one.weight)
        transposed = isinstance(one, nn.ConvTranspose1d | nn.ConvTranspose2d | nn.ConvTranspose3d)
        places = inputs[0] if transposed else output
        bands = weight.shape[0]  # of the input where transposed, of the output elsewhere
        total[0] += weight.numel() * (places.numel() // bands)
        total[1] += output.numel()

    hooks = [one.register_forward_hook(count) for one in copied.modules() if isinstance(one, _LEARNT)]
    try:
        with torch.no_grad():
            copied(torch.empty(1, channels, height, width, device="meta"))
    except Exception:  # noqa: BLE001 - a forward may fail in any way without numbers
        return None
    finally:
        for hook in hooks:
            hook.remove()
    return total[0], total[1]
