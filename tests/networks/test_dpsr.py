"""A network that is told the noise."""

import torch

from superres.networks.dpsr import DPSR


def test_what_is_told_is_what_is_assumed_where_nothing_is_told() -> None:
    torch.manual_seed(0)
    clean, x = DPSR(scale=2, blocks=1, width=8).eval(), torch.rand(2, 3, 6, 7)
    noisy = DPSR(scale=2, blocks=1, width=8, noise=0.1).eval()
    noisy.load_state_dict(clean.state_dict())
    assert not torch.allclose(noisy(x), clean(x), atol=1e-4)
    level = torch.full((2, 1, 6, 7), 0.1)
    for told in (0.1, torch.tensor([0.1, 0.1]), level):
        torch.testing.assert_close(clean(x, told), noisy(x))
    torch.testing.assert_close(noisy(x, 0.0), clean(x))


def test_pictures_of_a_batch_may_have_noise_of_their_own() -> None:
    torch.manual_seed(0)
    network, x = DPSR(scale=2, blocks=1, width=8).eval(), torch.rand(2, 3, 6, 7)
    made = network(x, torch.tensor([0.0, 0.2]))
    torch.testing.assert_close(made[:1], network(x[:1]))
    torch.testing.assert_close(made[1:], network(x[1:], 0.2))
