"""Attention against references written out, and what it does not depend on."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from superres.blocks.attention import (
    ChannelAttention,
    ContextAttention,
    NonLocal,
    SecondOrderAttention,
    covariance,
    matrix_root,
)


def _moved(module: nn.Module) -> nn.Module:
    """In double, with weights none of which is zero."""
    torch.manual_seed(0)
    with torch.no_grad():
        for weight in module.parameters():
            weight.copy_(torch.randn_like(weight) * 0.5)
    return module.double()


def _features(channels: int = 8, height: int = 5, width: int = 7, batch: int = 2) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    mixed = torch.randn(channels, channels, generator=generator, dtype=torch.float64)
    plain = torch.randn(batch, channels, height * width, generator=generator, dtype=torch.float64)
    return (mixed @ plain).view(batch, channels, height, width)


def test_covariance_is_numpys() -> None:
    x = _features()
    for one, made in zip(x, covariance(x), strict=True):
        np.testing.assert_allclose(made.numpy(), np.cov(one.flatten(1).numpy(), bias=True), atol=1e-12)


def test_the_root_squared_is_the_matrix() -> None:
    matrices = covariance(_features())
    root = matrix_root(matrices, iterations=60)
    torch.testing.assert_close(root @ root, matrices, rtol=1e-9, atol=1e-9)


def test_five_iterations_are_newton_and_schulzs_on_each_eigenvalue() -> None:
    """The iteration commutes with the eigenvectors, so that on each eigenvalue it is one of numbers."""
    matrix = covariance(_features(batch=1))
    values, vectors = np.linalg.eigh(matrix[0].numpy())
    root, inverse = values / values.sum(), np.ones_like(values)
    for _ in range(5):
        step = (3 - inverse * root) / 2
        root, inverse = root * step, inverse * step
    wanted = vectors @ np.diag(root * np.sqrt(values.sum())) @ vectors.T
    np.testing.assert_allclose(matrix_root(matrix)[0].numpy(), wanted, atol=1e-10)


def test_flat_features_have_a_root_and_a_slope() -> None:
    x = torch.full((1, 4, 3, 3), 0.5, requires_grad=True)
    made = SecondOrderAttention(4, reduction=2)(x)
    made.sum().backward()
    assert made.isfinite().all()
    assert x.grad is not None
    assert x.grad.isfinite().all()


@pytest.mark.parametrize(
    "attention",
    [
        ChannelAttention(8, reduction=2),
        SecondOrderAttention(8, reduction=2),
        NonLocal(8, 4),
        NonLocal(8, 4, normalise="looking"),
        ContextAttention(8, reduction=2),
    ],
    ids=["channel", "second-order", "non-local", "non-local-looking", "context"],
)
def test_places_may_be_shuffled(attention: nn.Module) -> None:
    """Attention has no place of its own: features in another order give the same in that order."""
    module, x = _moved(attention), _features()
    order = torch.randperm(35, generator=torch.Generator().manual_seed(2))

    def shuffled(y: Tensor) -> Tensor:
        return y.flatten(2)[..., order].view_as(y)

    torch.testing.assert_close(module(shuffled(x)), shuffled(module(x)), rtol=1e-10, atol=1e-10)
    assert (module(x) - x).abs().max() > 0.1


def test_channel_attention_is_its_formula() -> None:
    module, x = _moved(ChannelAttention(8, reduction=4)), _features(batch=1)
    first, second = (layer for layer in module.modules() if isinstance(layer, nn.Conv2d))
    mean = x[0].numpy().mean((1, 2))
    narrow = np.maximum(first.weight[:, :, 0, 0].detach().numpy() @ mean + first.bias.detach().numpy(), 0)  # type: ignore[union-attr]
    wide = second.weight[:, :, 0, 0].detach().numpy() @ narrow + second.bias.detach().numpy()  # type: ignore[union-attr]
    wanted = x[0].numpy() / (1 + np.exp(-wide))[:, None, None]
    np.testing.assert_allclose(module(x)[0].detach().numpy(), wanted, atol=1e-12)


@pytest.mark.parametrize("normalise", ["shown", "looking"])
def test_non_local_attention_place_by_place(normalise: str) -> None:
    module = NonLocal(4, 3, normalise=normalise).double()  # type: ignore[arg-type]
    x = _features(4, 3, 2, 1)
    torch.testing.assert_close(module(x), x, rtol=0, atol=0)  # it begins as nothing
    _moved(module)

    def at(conv: nn.Conv2d) -> np.ndarray:
        return conv(x).flatten(2)[0].T.detach().numpy()

    look, answer, show = at(module.look), at(module.answer), at(module.show)
    alike = np.array([[np.exp(one @ other) for other in answer] for one in look])
    alike /= alike.sum(1, keepdims=True) if normalise == "shown" else alike.sum(0, keepdims=True)
    seen = torch.from_numpy((alike @ show).T.reshape(1, 3, 3, 2).copy())
    torch.testing.assert_close(module(x), x + module.out(seen), rtol=1e-10, atol=1e-10)


def test_context_attention_weighs_channels_and_places() -> None:
    """With a joint that takes one half only, a constant weight of channels or of places is left."""
    module, x = ContextAttention(4, reduction=2).double(), _features(4)
    with torch.no_grad():
        module.join.bias.zero_()  # type: ignore[union-attr]
        module.join.weight.zero_()
        module.join.weight[range(4), range(4)] = 1.0
    torch.testing.assert_close(module(x), module.channel(x))
    with torch.no_grad():
        module.join.weight.copy_(module.join.weight.roll(4, 1))
    shares = module(x) / x
    torch.testing.assert_close(shares, shares[:, :1].expand_as(shares))
    assert shares.std() > 1e-3
    assert shares.min() > 0
    assert shares.max() < 1
