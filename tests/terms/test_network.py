"""What a network tells of itself: refusals, padding, reach."""

import pytest
import torch
from torch import nn

from superres.terms.network import NetworkFacts, built_for, run_padded, tell
from superres.terms.reach import reach
from superres.types import BadModel, BadRequest


class Unshuffled(nn.Module):
    """Works at half the size."""

    def __init__(self) -> None:
        super().__init__()
        tell(self, NetworkFacts(scale=2, radius=1, channels=1, smallest=4, multiple=2))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.repeat_interleave(2, 2).repeat_interleave(2, 3)


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        ((1, 3, 4, 4), r"wants \(batch, 1, height, width\)"),
        ((1, 4, 4), "wants"),
        ((1, 1, 2, 4), "4x4 is its least"),
        ((1, 1, 5, 8), "multiples of 2: repeat the edge up to 6x8"),
    ],
)
def test_what_it_cannot_take_is_refused_in_one_line(shape: tuple[int, ...], said: str) -> None:
    with pytest.raises(BadRequest, match=said) as caught:
        Unshuffled()(torch.rand(shape))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("size", [(1, 1), (5, 8), (3, 9), (6, 6)])
def test_any_size_is_padded_and_cropped(size: tuple[int, int]) -> None:
    x = torch.rand(1, 1, *size)
    assert torch.equal(run_padded(Unshuffled(), x), x.repeat_interleave(2, 2).repeat_interleave(2, 3))


class Fraction(nn.Module):
    """The nearest pixel, at two and a half times the size."""

    def __init__(self, *, enlarged: bool = False) -> None:
        super().__init__()
        tell(self, NetworkFacts(scale=2.5, radius=1, channels=1, multiple=2, enlarged=enlarged))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x if self.facts.enlarged else nn.functional.interpolate(x, scale_factor=2.5)


def test_a_fraction_is_told_as_it_is_and_refused_where_a_whole_factor_is_wanted() -> None:
    facts = Fraction().facts
    assert facts.scale == 2.5
    with pytest.raises(BadModel, match=r"enlarges 2\.5 times; wanted a whole factor"):
        _ = facts.factor
    assert run_padded(Fraction(), torch.rand(1, 1, 5, 8)).shape == (1, 1, 12, 20)
    assert run_padded(Fraction(enlarged=True), torch.rand(1, 1, 5, 8)).shape == (1, 1, 5, 8)


def test_a_scale_that_it_was_not_built_for_is_refused() -> None:
    with pytest.raises(BadRequest, match="built for x2, x4, not x3"):
        built_for("It", 3, (2, 4))


def test_reach_is_what_convolutions_see() -> None:
    assert reach(1, 1, 3) == 5
    assert reach(1, ("up", 4), 1) == 2
    assert reach(("unshuffle", 2), 1, ("up", 2)) == 3
    assert reach(("down", 4, 2, 1), 1, ("up", 4, 2, 1)) == 5
    with pytest.raises(BadRequest, match="no layer whose reach is known"):
        reach(("sideways", 2))
