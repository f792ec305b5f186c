"""Learning from pairs."""

import pytest
import torch
from torch import nn

from superres.losses.l1 import L1
from superres.methods.supervised import Supervised
from superres.terms.method import Memo, Method
from superres.types import BadRequest

BATCH = {"lr": torch.rand(2, 3, 4, 4), "hr": torch.rand(2, 3, 4, 4)}


def test_the_loss_is_that_of_the_networks_result() -> None:
    net = nn.Conv2d(3, 3, 1)
    method = Supervised(net, loss=L1())
    assert isinstance(method, Method)
    (turn,) = method.turns
    value = turn.loss(BATCH, Memo(0))["loss"]
    assert value.item() == pytest.approx((net(BATCH["lr"]) - BATCH["hr"]).abs().mean().item())
    value.backward()
    assert net.weight.grad is not None


def test_a_result_of_another_size_is_refused_with_both_sizes() -> None:
    method = Supervised(nn.Conv2d(3, 3, 2), loss=L1())
    with pytest.raises(BadRequest, match=r"makes \(2, 3, 3, 3\), the data want \(2, 3, 4, 4\)"):
        method.turns[0].loss(BATCH, Memo(0))
