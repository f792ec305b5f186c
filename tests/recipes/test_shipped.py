"""The recipes of the shipped models."""

from pathlib import Path

import pytest
import torch

from superres.networks.chain import Chain
from superres.recipes.beginning import begin, begin_from
from superres.recipes.opening import open_recipe
from superres.runtime.models import load
from superres.terms.spec import spec
from superres.terms.tree import resolved
from superres.terms.weights import save_network
from superres.types import BadModel


@pytest.mark.parametrize("scale", [2, 3])
def test_a_new_tail_begins_as_the_area_average_of_the_trunk(scale: int) -> None:
    torch.manual_seed(0)
    trunk, net = Chain(scale=4), Chain(scale=scale)
    begin_from(net, trunk)
    x = torch.rand(1, 3, 6, 7)
    with torch.no_grad():
        fine = trunk(x).repeat_interleave(scale, 2).repeat_interleave(scale, 3)
        expected = torch.nn.functional.avg_pool2d(fine, 4)
        torch.testing.assert_close(net(x), expected, atol=1e-4, rtol=0)


def test_the_second_round_begins_with_the_whole_trunk() -> None:
    trunk, net = Chain(scale=4), Chain(scale=4)
    begin_from(net, trunk)
    x = torch.rand(1, 3, 5, 5)
    with torch.no_grad():
        assert torch.equal(net(x), trunk(x))


def test_a_deeper_net_begins_near_its_trunk() -> None:
    """New convolutions are the identity; what changes is what the rectifier after each takes once more."""
    torch.manual_seed(0)
    trunk, net = Chain(scale=4, width=8, depth=4), Chain(scale=4, width=8, depth=6)
    begin_from(net, trunk)
    kernels = [conv.kernel() for conv in net.body]
    new = [index for index, kernel in enumerate(kernels) if torch.equal(kernel, net.body[0].identity)]
    assert new == [1, 3]
    old = [kernel for index, kernel in enumerate(kernels) if index not in new]
    assert all(torch.equal(mine, theirs.kernel()) for mine, theirs in zip(old, trunk.body, strict=True))
    with pytest.raises(BadModel, match="more than the 4 wanted"):
        begin_from(trunk, net)


@pytest.mark.parametrize("width", [48, 64])
def test_a_wider_net_begins_as_its_trunk(width: int) -> None:
    trunk, net = Chain(scale=4, width=width, depth=2).eval(), Chain(scale=4, width=width + 16, depth=2).eval()
    begin_from(net, trunk)
    x = torch.rand(1, 3, 9, 11)
    with torch.inference_mode():
        torch.testing.assert_close(net(x), trunk(x), rtol=0, atol=1e-5)
    with pytest.raises(BadModel, match="wider"):
        begin_from(trunk, net)


@pytest.mark.parametrize("name", ["photo-x3", "clean-x4"])
def test_a_round_may_begin_from_a_packaged_model(name: str) -> None:
    """The Chain computes what the package's graph computes, by name and by file, and all its branches can learn."""
    model, x = load(name), torch.rand(1, 3, 8, 9)
    expected = model.open("torch", threads=1)(x.numpy())
    for file in (name, str(model.path)):
        net = Chain(scale=model.scale)
        begin(net, file=file)
        made = net(x)
        assert abs(made.detach().numpy() - expected).max() < 1e-4
        made.sum().backward()
        assert net.head.outer.grad.abs().sum() > 0
        net.zero_grad()


def test_a_round_may_begin_from_a_run_or_its_file(tmp_path: Path) -> None:
    torch.manual_seed(1)
    trunk, net = Chain(scale=4, width=4, depth=1), Chain(scale=4, width=4, depth=1)
    save_network(tmp_path / "last.safetensors", trunk, spec(Chain, scale=4, width=4, depth=1), {})
    for file in (tmp_path, tmp_path / "last.safetensors"):
        begin(net, file=str(file))
        assert torch.equal(net.tail.inner, trunk.tail.inner)


def test_a_start_that_is_not_there_says_what_to_do() -> None:
    with pytest.raises(BadModel, match="train the round that it comes from first, or set start.file"):
        begin(Chain(), file="runs/absent/last.safetensors")
    with pytest.raises(BadModel, match="is neither a name nor a file"):
        begin(Chain(), file="photon-x4")
    with pytest.raises(BadModel, match="gives weights to a Chain"):
        begin(torch.nn.ReLU(), file="photo-x4")


def test_the_second_round_of_the_photo_models_is_as_it_was_run() -> None:
    for scale in (2, 3, 4):
        run = resolved(open_recipe(f"photo-x{scale}-again"))
        assert run.start.arguments["file"] == f"runs/photo-x{scale}/last.safetensors"
        assert (run.optimise.steps, run.optimise.lr, run.optimise.warmup) == (5_500, 5e-4, 100)
        assert run.optimise.precision == "float32"
        assert run.method.arguments["loss"].arguments["squared"] is True
        degradation = run.data.arguments["degradation"].arguments
        assert (degradation["shares"], degradation["noise"]) == ((0.75, 0.35, 0.92), (0.5, 5.0))
