"""The contract over the whole table, and that it can fail."""

import sys
import types
from math import isqrt

import pytest
import torch
from torch import Tensor, nn

from superres.terms.network import NetworkFacts, tell
from superres.testing.networks import LAWS, check_network
from superres.types import BadRequest
from superres.zoo import NETWORKS, Row, find


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("row", NETWORKS, ids=lambda row: row.name)
def test_the_row_holds_the_law(row: Row, law: str) -> None:
    if law == "onnx":
        pytest.importorskip("onnxruntime")
    check_network(row, only=law)


class Right(nn.Module):
    """One convolution and a pixel shuffle, which break the law that ``broken`` names."""

    def __init__(self, *, scale: int = 2, depth: int = 1, broken: str = "") -> None:
        super().__init__()
        self.broken, self.noise = broken, torch.Generator().manual_seed(0)
        self.convs = nn.ModuleList(nn.Conv2d(3, 3, 3, padding=1) for _ in range(depth))
        self.tail = nn.Conv2d(3, 3 * scale**2, 3, padding=1)
        self.unused = nn.Parameter(torch.ones(3)) if broken == "gradient" else None
        radius = depth + (2 if broken == "radius" else 1)
        tell(self, NetworkFacts(scale=scale + (broken == "size"), radius=radius))
        if broken == "refusals":
            self._forward_pre_hooks.clear()

    def forward(self, x: Tensor) -> Tensor:
        for conv in self.convs:
            x = conv(x)
        if self.broken == "batch":
            x = x + x.mean(0, keepdim=True)
        if self.broken == "deterministic":
            x = x + torch.rand(1, generator=self.noise)
        if self.broken == "tiles":
            x = x + x.mean((2, 3), keepdim=True) * 0.5
        x = torch.pixel_shuffle(self.tail(x), isqrt(self.tail.out_channels // 3))
        return torch.fft.ifft2(torch.fft.fft2(x)).real if self.broken == "graph" else x


def _row(broken: str, **exceptions: str) -> Row:
    module = types.ModuleType("a_network_from_elsewhere")
    module.Right = Right  # type: ignore[attr-defined]
    sys.modules[module.__name__] = module
    counts = {2: 84 + 12 * 27 + 12 + (1 if broken == "count" else 0)}
    arguments = {"broken": broken}
    return Row(
        "right", f"{module.__name__}:Right", "", 2026, "post", "", (), counts, "depth", {}, arguments, exceptions
    )


def test_a_right_network_passes() -> None:
    check_network(_row(""))


@pytest.mark.parametrize(
    "law", ["size", "refusals", "count", "gradient", "batch", "deterministic", "radius", "tiles", "graph"]
)
def test_a_broken_law_is_named(law: str) -> None:
    with pytest.raises(AssertionError, match=f"right, {law}"):
        check_network(_row(law), only=law)


def test_an_exception_must_be_needed() -> None:
    check_network(_row("tiles", tiles="it averages over the picture"), only="tiles")
    with pytest.raises(AssertionError, match="the law holds, but the row has an exception"):
        check_network(_row("", tiles="not true"), only="tiles")


def test_the_table_is_found_by_name() -> None:
    assert find("edsr").arguments["width"] == 256
    with pytest.raises(BadRequest, match="did you mean edsr"):
        find("esdr")
    assert len({row.name for row in NETWORKS}) == len(NETWORKS)
