"""The trunks: their shapes, their numbers of parameters, and where each stage ends."""

import torch
from torch import nn

from superres.blocks.alexnet import AlexNetTrunk
from superres.blocks.vgg16 import VGG16Trunk


def test_numbers_of_parameters() -> None:
    assert sum(one.numel() for one in AlexNetTrunk().parameters()) == 2_469_696
    assert sum(one.numel() for one in VGG16Trunk().parameters()) == 14_714_688


def test_alexnet_stages_and_its_smallest_picture() -> None:
    stages = list(AlexNetTrunk().stages(torch.rand(2, 3, 67, 70)))
    assert [tuple(one.shape) for one in stages] == [
        (2, 64, 16, 16), (2, 192, 7, 7), (2, 384, 3, 3), (2, 256, 3, 3), (2, 256, 3, 3),
    ]  # fmt: skip
    assert all(one.min() >= 0 for one in stages)
    assert [tuple(one.shape[2:]) for one in AlexNetTrunk().stages(torch.rand(1, 3, 31, 31))][-1] == (1, 1)


def test_vgg16_stages_and_another_pool() -> None:
    trunk, x = VGG16Trunk(), torch.rand(1, 3, 33, 48)
    stages = list(trunk.stages(x))
    assert [tuple(one.shape) for one in stages] == [
        (1, 64, 33, 48), (1, 128, 16, 24), (1, 256, 8, 12), (1, 512, 4, 6), (1, 512, 2, 3),
    ]  # fmt: skip
    last = list(trunk.stages(x, pool=nn.AvgPool2d(2, ceil_mode=True)))[-1]
    assert tuple(last.shape) == (1, 512, 3, 3)


def test_names_are_torchvisions() -> None:
    assert list(AlexNetTrunk().state_dict())[::2] == [f"features.{k}.weight" for k in (0, 3, 6, 8, 10)]
    at = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)
    assert list(VGG16Trunk().state_dict())[::2] == [f"features.{k}.weight" for k in at]


def test_a_stage_is_not_changed_by_what_follows() -> None:
    """Rectifiers work in place: on their own convolution's output only."""
    for trunk in (AlexNetTrunk(), VGG16Trunk()):
        kept = [(one, one.clone()) for one in trunk.stages(torch.rand(1, 3, 40, 40))]
        assert all(torch.equal(one, copy) for one, copy in kept)
