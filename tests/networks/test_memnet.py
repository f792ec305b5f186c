"""Memory blocks that share the weights of their recursion, and that do not."""

import torch

from superres.networks.memnet import MemNet


def _moved(network: MemNet) -> MemNet:
    """With statistics and slopes of normalisation that differ from place to place."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for one in network.modules():
            if isinstance(one, torch.nn.BatchNorm2d):
                for values in (one.weight, one.bias, one.running_mean, one.running_var):
                    assert values is not None
                    values.add_(0.1 * torch.rand(values.shape, generator=generator))
    return network.double().eval()


def test_without_sharing_but_with_equal_weights_it_is_the_shared_one() -> None:
    torch.manual_seed(0)
    shared = _moved(MemNet(memories=2, recursions=3, width=4))
    apart = MemNet(memories=2, recursions=3, width=4, shared=False).double().eval()
    state = shared.state_dict()
    for key in list(state):
        parts = key.split(".")
        if len(parts) == 5 and parts[2] == "convs":
            for index in range(int(parts[3]) + 2, 6, 2):
                state[".".join((*parts[:3], str(index), parts[4]))] = state[key]
    apart.load_state_dict(state)
    x = torch.rand(1, 1, 9, 8, dtype=torch.float64)
    torch.testing.assert_close(apart(x), shared(x))


def test_the_result_is_the_weighted_sum_of_the_pictures_of_all_blocks() -> None:
    torch.manual_seed(0)
    network = _moved(MemNet(memories=3, recursions=1, width=4))
    with torch.no_grad():
        network.weights.copy_(torch.tensor([0.5, 0.2, 0.3]))
    x = torch.rand(1, 1, 9, 8, dtype=torch.float64)
    first, second, third, result = network.stages(x)
    torch.testing.assert_close(result, 0.5 * first + 0.2 * second + 0.3 * third)
