import torch

from superres.blocks.xunit import XUnit


def test_a_weight_between_nothing_and_one_by_what_surrounds():
    torch.manual_seed(0)
    module, x = XUnit(4).eval(), torch.randn(1, 4, 20, 20, generator=torch.Generator().manual_seed(0))
    made = module(x).detach()
    assert bool(((made / x) <= 1).all())
    assert bool(((made / x) > 0).all())
    other = x.clone()
    other[:, :, 10, 10] += 5
    moved = torch.nonzero((module(other) - made).abs().amax((0, 1)))
    assert moved.amin(0).tolist() == [6, 6]
    assert moved.amax(0).tolist() == [14, 14]


def test_where_the_gate_says_nothing_it_hands_on():
    module, x = XUnit(2).eval(), torch.randn(1, 2, 5, 5)
    with torch.no_grad():
        module.gate[2].weight.zero_()
        module.gate[2].bias.zero_()
    assert torch.equal(module(x), x)
