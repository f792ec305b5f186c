"""SOAP: Vyas et al., "SOAP: Improving and Stabilizing Shampoo using Adam" (2024, arXiv 2409.11321).

Adam in the axes of Shampoo's preconditioner. Made for small networks whose inputs are strongly correlated, as patches
of pictures are: there its steps are worth many of Adam's and cost little more.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

MOST_SIDE = 1024  # of a side that is turned into its own axes; a longer one stays as it is


class Soap(torch.optim.Optimizer):
    """A kernel is a matrix (outputs, inputs x rows x columns), or (inputs, rows x columns) where it has one output.

    Biases move as under Adam. ``betas`` are those of the gradient's mean and of its square, the second one also of the
    preconditioner; its axes follow every ``every`` steps. The first step only looks at the gradient.
    """

    def __init__(
        self,
        params: Any,
        lr: float = 3e-3,
        *,
        betas: tuple[float, float] = (0.95, 0.95),
        weight_decay: float = 0.0,
        eps: float = 1e-8,
        every: int = 20,
    ) -> None:
        super().__init__(params, {"lr": lr, "betas": betas, "weight_decay": weight_decay, "eps": eps, "every": every})

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        """One update; ``closure`` gives the loss again, as for every optimiser of torch."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self._move(parameter, group)
        return loss

    def _move(self, parameter: Tensor, group: dict[str, Any]) -> None:
        assert parameter.grad is not None
        gradient, state = _matrix(parameter.grad), self.state[parameter]
        if not state:
            _begin(state, gradient)
            if gradient.ndim == 2:
                return
        state["step"] += 1
        beta1, beta2 = group["betas"]
        state["mean"].lerp_(gradient, 1 - beta1)
        turned = _turned(gradient, state)
        state["square"].mul_(beta2).addcmul_(turned, turned, value=1 - beta2)
        mean = _turned(state["mean"], state) / (1 - beta1 ** state["step"])
        scale = (state["square"] / (1 - beta2 ** state["step"])).sqrt_().add_(group["eps"])
        if group["weight_decay"]:
            parameter.mul_(1 - group["lr"] * group["weight_decay"])
        update = _turned(mean.div_(scale), state, back=True)
        parameter.add_(update.reshape(parameter.shape), alpha=-group["lr"])
        _follow(state, gradient, beta2, refresh=state["step"] % group["every"] == 0)


def _matrix(x: Tensor) -> Tensor:
    if x.ndim < 2:
        return x
    return x.flatten(1) if x.shape[0] > 1 or x.ndim == 2 else x[0].flatten(1)


def _begin(state: dict[str, Any], gradient: Tensor) -> None:
    state.update(step=0, mean=torch.zeros_like(gradient), square=torch.zeros_like(gradient))
    if gradient.ndim != 2:
        return
    for side, outer in (("left", gradient @ gradient.T), ("right", gradient.T @ gradient)):
        if outer.shape[0] <= MOST_SIDE:
            state[side] = outer
            state[f"{side} axes"] = torch.linalg.eigh(outer)[1]


def _turned(x: Tensor, state: dict[str, Any], *, back: bool = False) -> Tensor:
    """``x`` in the axes of the preconditioner, or back from them."""
    left, right = state.get("left axes"), state.get("right axes")
    if left is not None:
        x = (left if back else left.T) @ x
    if right is not None:
        x = x @ (right.T if back else right)
    return x.clone() if left is None and right is None else x


def _follow(state: dict[str, Any], gradient: Tensor, beta: float, *, refresh: bool) -> None:
    """Let the preconditioner follow the gradients and, now and then, its axes: one step of orthogonal iteration."""
    for side, axis in (("left", 0), ("right", 1)):
        if side not in state:
            continue
        outer = gradient @ gradient.T if axis == 0 else gradient.T @ gradient
        matrix = state[side].lerp_(outer, 1 - beta)
        if refresh:
            axes = state[f"{side} axes"]
            order = (axes * (matrix @ axes)).sum(0).argsort(descending=True)
            state["square"] = state["square"].index_select(axis, order)
            state[f"{side} axes"] = torch.linalg.qr(matrix @ axes[:, order])[0]
