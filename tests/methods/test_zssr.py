"""The method: one player, charged for bands and luma."""

import pytest
import torch
from torch import nn

from superres.methods.zssr import ZSSR
from superres.terms.method import Memo, Method


class Twice(nn.Module):
    def __init__(self):
        super().__init__()
        self.gain = nn.Parameter(torch.ones(1))
        self.calls = 0

    def forward(self, x):
        self.calls += 1
        return self.gain * x.repeat_interleave(2, 2).repeat_interleave(2, 3)


def test_it_is_a_method_with_one_player():
    net = Twice()
    method = ZSSR(net)
    assert isinstance(method, Method)
    assert method.players == {"net": net}
    assert method.result == "net"
    assert [turn.player for turn in method.turns] == ["net"]


@pytest.mark.parametrize("channels", [1, 3])
def test_the_loss_is_the_mean_absolute_error_of_bands_and_luma(channels):
    method = ZSSR(Twice(), luma=0.5)
    lr, hr = torch.rand(1, channels, 3, 4), torch.rand(1, channels, 6, 8)
    terms = method.turns[0].loss({"lr": lr, "hr": hr}, Memo(0))
    error = lr.repeat_interleave(2, 2).repeat_interleave(2, 3) - hr
    assert terms["bands"].item() == pytest.approx(error.abs().mean().item(), rel=1e-6)
    if channels == 1:
        assert set(terms) == {"bands"}
    else:
        luma = 0.299 * error[:, 0] + 0.587 * error[:, 1] + 0.114 * error[:, 2]
        assert terms["luma"].item() == pytest.approx(0.5 * luma.abs().mean().item(), rel=1e-5)


def test_the_forward_pass_is_shared_within_a_step():
    net = Twice()
    method, memo = ZSSR(net), Memo(0)
    batch = {"lr": torch.rand(1, 3, 3, 4), "hr": torch.rand(1, 3, 6, 8)}
    for _ in range(2):
        method.turns[0].loss(batch, memo)
    assert net.calls == 1
