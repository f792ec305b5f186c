"""One network for all scales."""

import torch

from superres.networks.mslapsrn import MSLapSRN


def test_a_scale_is_how_many_levels_are_run() -> None:
    torch.manual_seed(0)
    eight = MSLapSRN(scale=8, depth=2, recursions=2, width=8).eval()
    x = torch.rand(1, 1, 6, 7)
    stages = eight.stages(x)
    assert [tuple(one.shape[2:]) for one in stages] == [(12, 14), (24, 28), (48, 56)]
    for scale, stage in zip((2, 4, 8), stages, strict=True):
        network = MSLapSRN(scale=scale, depth=2, recursions=2, width=8).eval()
        network.load_state_dict(eight.state_dict())
        assert torch.equal(network(x), stage)


def test_before_learning_it_is_bilinear_interpolation_and_details() -> None:
    network = MSLapSRN(scale=2, depth=2, recursions=2, width=8).eval()
    torch.nn.init.zeros_(network.tail.weight)
    torch.nn.init.zeros_(network.tail.bias)  # type: ignore[arg-type]
    x = torch.rand(1, 1, 9, 8, generator=torch.Generator().manual_seed(1))
    wanted = torch.nn.functional.interpolate(x, scale_factor=2, mode="bilinear")
    inner = (..., slice(1, -1), slice(1, -1))  # a deconvolution pads with zeros, interpolation repeats the edge
    torch.testing.assert_close(network(x)[inner], wanted[inner])
