"""What training asks now and then: how good the network is on some suites, under a named protocol."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

from torch import nn

from superres.bench.candidate import Candidate
from superres.bench.costs import Cost
from superres.bench.models import enlarger
from superres.bench.modules import ModuleUpscaler, channels_of
from superres.bench.protocols import DEFAULT, find_protocol
from superres.bench.running import run
from superres.bench.suites import Case, open_suite


class Validation:
    """Called with a network: ``{"set5.psnr": 30.1, ...}``, the mean over each suite's pictures.

    Args:
        suites: names of known sets, or folders.
        scale: how many times the network enlarges.
        protocol: the name of a protocol (``bench.protocols``).
        root: the data root; SUPERRES_DATA when not given.
        tile: side of tiles for networks that would not have room for a whole picture.
    The pictures are read once, at the first call. Raises: BadInput at once where a suite is not there.
    """

    def __init__(
        self,
        suites: Sequence[str] = ("set5",),
        *,
        scale: int,
        protocol: str = DEFAULT,
        root: str | Path | None = None,
        metrics: Sequence[str] = ("psnr",),
        tile: int | None = None,
    ) -> None:
        self.protocol, self.scale = find_protocol(protocol), scale
        self._suites = [open_suite(name, scale, self.protocol, root) for name in suites]
        self._metrics, self._tile = tuple(metrics), tile

    @cached_property
    def _cases(self) -> list[list[Case]]:
        return [list(suite) for suite in self._suites]

    def __call__(self, network: nn.Module) -> dict[str, float]:
        """The figures; the network is left on its device and in the mode it was in."""
        device = next((one.device for one in network.parameters()), "cpu")
        upscaler = ModuleUpscaler(network, scale=self.scale, tile=self._tile, device=device)
        model = Candidate("network", self.scale, enlarger(upscaler, channels_of(network) or 0), Cost())
        found = run([model], self._suites, self._metrics, cases=self._cases)
        return {
            f"{suite}.{metric}": found.mean("network", suite, metric)
            for suite in found.suites
            for metric in found.facts
        }
