"""Modules against their graphs, step by step kind; what a Graph cannot say is refused by name."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from superres.blocks.normalise import ChannelNorm
from superres.graph.radius import halo
from superres.networks.chain import Chain
from superres.runtime.engines.torch import TorchEngine
from superres.train.export import to_graph
from superres.types import BadModel


class Module(nn.Module):
    """A forward given as a function of the module and its input."""

    def __init__(self, forward, **parts):
        super().__init__()
        self.steps = forward
        for name, part in parts.items():
            if isinstance(part, torch.Tensor):
                self.register_buffer(name, part)
            else:
                setattr(self, name, part)

    def forward(self, x):
        return self.steps(self, x)


def conv(ins=3, outs=3, kernel=3, **more):
    return nn.Conv2d(ins, outs, kernel, padding=kernel // 2, **more)


def everything() -> nn.Sequential:
    norm = nn.BatchNorm2d(8)
    norm.running_mean.uniform_(-1, 1)
    norm.running_var.uniform_(0.5, 2)
    nn.init.uniform_(norm.weight, 0.5, 2)
    kinds = [nn.ReLU(), nn.LeakyReLU(0.2), nn.PReLU(8), nn.Sigmoid(), nn.Tanh(), nn.SiLU(), nn.GELU(), nn.ReLU6()]
    return nn.Sequential(
        nn.PixelUnshuffle(2),
        nn.Conv2d(12, 8, 3, padding="same", dilation=2),
        norm,
        *kinds,
        nn.Identity(),
        nn.Dropout(0.5),
        nn.Hardtanh(-0.3, 0.7),
        nn.ConvTranspose2d(8, 8, 4, 2, 1, groups=2),
        nn.Upsample(scale_factor=2, mode="bilinear"),
        nn.Conv2d(8, 48, 4, 2, 1),
        nn.PixelShuffle(4),
    )


def gated(self, x):
    h = self.a(x)
    low, high = h.chunk(2, dim=1)
    gate = torch.sigmoid(self.b(F.adaptive_avg_pool2d(h, 1)))
    h = torch.cat([low * gate[:, :4], F.silu(high) - low, h[:, 2:6], h.mean((2, 3), keepdim=True) * h], dim=1)
    first, second = torch.split(h, [8, 12], dim=1)
    return self.c(first) + self.d(second)


def contrast(self, x):
    h = self.a(x)
    mean = h.mean((2, 3), keepdim=True)
    spread = torch.square(h - mean).mean((2, 3), keepdim=True).clamp(min=1e-12).sqrt()
    return self.b(h * (mean + spread) + torch.sqrt(h.square()))


def arithmetic(self, x):
    h = (x - self.mean) / 0.5
    h = 1 - 2 * self.a(h)
    h += -x
    h = torch.add(h, x, alpha=0.5) * self.mean + 0.25
    return torch.clamp(h.sub(0.1), 0.0, 1.0) + h.clamp(min=0)


def resized(self, x):
    up = [F.interpolate(x, scale_factor=3, mode=mode) for mode in ("nearest", "bilinear", "bicubic")]
    return sum(up[1:], up[0]) + F.pixel_shuffle(self.a(x), 3)


def sized(self, x):
    """Everything that a size may be asked for: maxima over parts, and both ways to be stretched to the picture."""
    h = self.a(x)
    rows, columns = h.shape[-2:]
    parts = F.adaptive_max_pool2d(h, (rows // 3, columns // 3))
    coarse = F.max_pool2d(self.b(h), 4, stride=(3, 2), padding=1)
    up = F.interpolate(coarse, size=(h.size(2), x.size()[3]), mode="bilinear", align_corners=False)
    eighth = F.adaptive_max_pool2d(h, output_size=(rows >> 1, columns >> 1))
    near = [F.interpolate(one, h.shape[2:]) for one in (parts, eighth)]
    same = F.interpolate(up * torch.exp(near[0]), x.shape[2:], mode="bilinear")
    return self.c(same / (1 + near[1].square()) + self.pool(h))


def half(self, x):
    """What has a known part of the picture's size is enlarged by a factor."""
    return F.interpolate(self.a(x), x.shape[2:], mode="bilinear") + F.interpolate(self.a(x), size=x.shape[2:])


def normed(self, x):
    h = self.a(x).permute(0, 2, 3, 1)
    h = F.layer_norm(h, (8,), eps=1e-3).permute(0, 3, 1, 2)
    h = self.norm(h.movedim(1, -1)).movedim(-1, 1)
    return self.c(self.own(h))


def normed_module():
    norm, own = nn.LayerNorm(8), ChannelNorm(8, eps=1e-6)
    for one in (norm, own):
        nn.init.uniform_(one.weight, 0.5, 2)
        nn.init.uniform_(one.bias)
    return Module(normed, a=conv(3, 8), c=conv(8, 3), norm=norm, own=own)


CASES = {
    "sized": (
        lambda: Module(sized, a=conv(3, 8), b=nn.Conv2d(8, 8, 3, 2), c=conv(8, 3), pool=nn.MaxPool2d(3, 1, 1)),
        1,
    ),
    "half": (lambda: Module(half, a=nn.Conv2d(3, 3, 4, 2, 1)), 1),
    "normed": (normed_module, 1),
    "chain": (lambda: Chain(scale=3, width=8, depth=2), 3),
    "everything": (everything, 4),
    "gated": (lambda: Module(gated, a=conv(3, 8), b=conv(8, 8, 1), c=conv(8, 3), d=conv(12, 3)), 1),
    "contrast": (lambda: Module(contrast, a=conv(3, 8), b=conv(8, 3)), 1),
    "arithmetic": (lambda: Module(arithmetic, a=conv(), mean=torch.tensor([0.4, 0.5, 0.6]).view(1, 3, 1, 1)), 1),
    "resized": (lambda: Module(resized, a=conv(3, 27)), 3),
}


@pytest.mark.parametrize("name", CASES)
def test_the_graph_computes_what_the_module_does(name):
    torch.manual_seed(0)
    make, scale = CASES[name]
    module = make().eval()
    before = {key: value.clone() for key, value in module.state_dict().items()}
    x = torch.rand(2, 3, 12, 20)
    with torch.no_grad():
        wanted = module(x)
    graph = to_graph(module, scale=scale)
    found = TorchEngine(graph, threads=1).run(x)
    assert wanted.std() > 1e-3
    torch.testing.assert_close(found, wanted, atol=1e-5, rtol=1e-5)
    assert all(torch.equal(before[key], value) for key, value in module.state_dict().items())


def test_a_known_part_of_the_size_needs_no_size():
    graph = to_graph(CASES["half"][0](), scale=1)
    assert [step.kind for step in graph.operations] == ["conv", "bilinear", "conv", "nearest", "add"]
    assert halo(graph) == 3
    assert halo(to_graph(CASES["normed"][0](), scale=1)) == 2


@pytest.mark.parametrize("size", [(9, 9), (47, 53), (20, 31)])
def test_sizes_are_followed_whatever_they_are(size):
    torch.manual_seed(0)
    module = CASES["sized"][0]().eval()
    graph, x = to_graph(module, scale=1), torch.rand(1, 3, *size)
    assert halo(graph) is None
    with torch.no_grad():
        torch.testing.assert_close(TorchEngine(graph, threads=1).run(x), module(x), atol=1e-5, rtol=1e-5)


def test_a_chain_folds_into_one_convolution_each():
    graph = to_graph(Chain(scale=4, width=8, depth=10), scale=4)
    assert [step.kind for step in graph.operations].count("conv") == 12
    assert halo(graph) == 12


@pytest.mark.parametrize("name", ["chain", "everything", "arithmetic", "resized", "half", "normed"])
def test_halo_is_the_extent_of_the_gradient(name):
    """The outermost input pixel with a gradient lies exactly ``halo`` away from the box that is read."""
    torch.manual_seed(1)
    make, scale = CASES[name]
    module = make().double().eval()
    reach = halo(to_graph(module.float(), scale=scale))
    module.double()
    found, middle, size = 0, 24, 52
    for place in range(middle, middle + 2):  # both places within a pixel_unshuffle's cell
        x = torch.rand(1, 3, size, size, dtype=torch.float64, requires_grad=True)
        box = slice(scale * place, scale * (place + 1))
        module(x)[..., box, :].square().sum().backward()
        rows = torch.nonzero(x.grad.abs().sum((0, 1, 3)))
        found = max(found, place - int(rows.min()), int(rows.max()) - place)
    assert found == reach


REFUSED = {
    "softmax": lambda self, x: torch.softmax(x, 1),
    "flip": lambda self, x: x.flip(2),
    "rows": lambda self, x: x[:, :, 1:],
    "sizes": lambda self, x: F.interpolate(x, size=(8, 8)),
    "half": lambda self, x: F.interpolate(x, scale_factor=1.5),
    "corners": lambda self, x: F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=True),
    "branch": lambda self, x: x if x.sum() > 0 else -x,
    "shape": lambda self, x: x.view(x.shape[0], -1),
    "constant": lambda self, x: x + torch.ones(3, 8, 8),
    "gelu": lambda self, x: F.gelu(x, approximate="tanh"),
    "two": lambda self, x: (x, x),
    "corners of a size": lambda self, x: F.interpolate(x, x.shape[2:], mode="bilinear", align_corners=True),
    "cubic of a size": lambda self, x: F.interpolate(F.max_pool2d(x, 3), x.shape[2:], mode="bicubic"),
    "two values": lambda self, x: F.interpolate(x, (x.shape[2], F.max_pool2d(x, 3).shape[3])),
    "turned": lambda self, x: F.interpolate(x, (x.shape[3], x.shape[2])),
    "reduced": lambda self, x: F.interpolate(x, (x.shape[2] // 2, x.shape[3] // 2)),
    "fixed cells": lambda self, x: F.adaptive_max_pool2d(x, 4),
    "another's cells": lambda self, x: F.adaptive_max_pool2d(x, (F.max_pool2d(x, 3).shape[2:])),
    "uneven cells": lambda self, x: F.adaptive_max_pool2d(x, (x.shape[2] // 2, x.shape[3] // 3)),
    "begun windows": lambda self, x: F.max_pool2d(x, 3, ceil_mode=True),
    "spread windows": lambda self, x: F.max_pool2d(x, 3, dilation=2),
    "arithmetic of sizes": lambda self, x: x * (x.shape[2] / x.shape[3]),
    "size as number": lambda self, x: x * x.shape[2],
    "type": lambda self, x: x.to(x.dtype),
    "last": lambda self, x: F.relu(x.movedim(1, -1)).movedim(-1, 1),
    "left last": lambda self, x: x.permute(0, 2, 3, 1),
    "another order": lambda self, x: x.permute(0, 3, 2, 1),
    "moved": lambda self, x: x.movedim(2, 3),
    "norm of rows": lambda self, x: F.layer_norm(x, (64,)),
    "norm of all": lambda self, x: F.layer_norm(x.movedim(1, -1), (64, 3)).movedim(-1, 1),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_a_graph_cannot_say_is_refused(name):
    with pytest.raises(BadModel, match="step|traced"):
        to_graph(Module(REFUSED[name]), scale=1)


def test_refusals_of_modules_and_scales():
    with pytest.raises(BadModel, match="reflect"):
        to_graph(nn.Sequential(conv(padding_mode="reflect")), scale=1)
    with pytest.raises(BadModel, match=r"'_0'.*InstanceNorm2d|is a InstanceNorm2d"):
        to_graph(nn.Sequential(nn.InstanceNorm2d(3)), scale=1)
    with pytest.raises(BadModel, match="wanted"):
        to_graph(nn.Sequential(conv()), scale=2)
    with pytest.raises(BadModel, match="does not fit"):
        to_graph(nn.Sequential(conv()), scale=1, channels=4)


def test_weights_are_copies():
    module = nn.Sequential(conv())
    graph = to_graph(module, scale=1)
    with torch.no_grad():
        module[0].weight.zero_()
    assert all(np.abs(weight).max() > 0 for weight in graph.weights.values())
