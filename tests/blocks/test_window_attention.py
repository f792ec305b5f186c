"""Windows: cutting and joining, what the mask keeps apart, and the numbering of distances."""

import pytest
import torch

from superres.blocks.window_attention import (
    WindowAttention,
    attend_shifted,
    biases,
    from_windows,
    into_windows,
    padded,
    shift_mask,
)


def test_windows_are_cut_and_joined_again() -> None:
    x = torch.rand(2, 8, 12, 3)
    windows = into_windows(x, 4)
    assert windows.shape == (2 * 6, 16, 3)
    assert torch.equal(windows[4].view(4, 4, 3), x[0, 4:8, 4:8])
    assert torch.equal(from_windows(windows, 4, x.shape), x)


def test_a_bias_depends_on_the_distance_alone() -> None:
    attention = WindowAttention(4, heads=2, side=3)
    bias = biases(attention.relative_position_bias_table, attention.places).detach().view(2, 3, 3, 3, 3)
    for row in (0, 1):
        for column in (0, 1):
            moved = bias[:, row : row + 2, column : column + 2, row : row + 2, column : column + 2]
            assert torch.equal(moved, bias[:, :2, :2, :2, :2])
    assert attention.places.unique().numel() == 25


def test_what_the_roll_brings_together_is_kept_apart() -> None:
    mask = shift_mask(8, 8, side=4, shift=2, like=torch.zeros(1))
    place = torch.stack(torch.meshgrid(torch.arange(8), torch.arange(8), indexing="ij"), -1)
    rolled = into_windows(torch.roll(place, (-2, -2), (0, 1))[None], 4)
    near = (rolled[:, :, None] - rolled[:, None]).abs().amax(-1) < 4
    assert torch.equal(mask == 0, near)


@pytest.mark.parametrize("shift", [0, 2])
def test_attention_equals_a_sum_over_neighbours(shift: int) -> None:
    torch.manual_seed(0)
    attention = WindowAttention(4, heads=1, side=4).double()
    x = torch.randn(2, 8, 12, 4, dtype=torch.float64)
    mask = shift_mask(8, 12, side=4, shift=2, like=x)
    with torch.no_grad():
        made = attend_shifted(attention, x, side=4, shift=shift, mask=mask)
        query, key, value = attention.qkv(x).chunk(3, -1)
        table = attention.relative_position_bias_table.view(7, 7)
        for row, column in ((0, 0), (1, 6), (5, 3), (7, 11)):
            top, left = (row - shift) // 4 * 4 + shift, (column - shift) // 4 * 4 + shift
            seen = [(i, j) for i in range(max(0, top), min(8, top + 4)) for j in range(max(0, left), min(12, left + 4))]
            logits = torch.stack(
                [query[0, row, column] @ key[0, i, j] / 2 + table[3 + row - i, 3 + column - j] for i, j in seen]
            )
            mixed = sum(weight * value[0, i, j] for weight, (i, j) in zip(logits.softmax(0), seen, strict=True))
            torch.testing.assert_close(made[0, row, column], attention.proj(mixed), atol=1e-12, rtol=0)


def test_a_picture_is_mirrored_up_to_whole_windows() -> None:
    x = torch.rand(1, 1, 5, 9)
    y = padded(x, 8)
    assert y.shape == (1, 1, 8, 16)
    assert torch.equal(y[..., :5, :9], x)
    assert torch.equal(y[..., 5:, :9], x[..., 1:4, :].flip(2))
