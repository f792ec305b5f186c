"""A metric with torchmetrics' way of being called: ``update``, ``compute``, ``reset``.

It does not need torchmetrics, and keeps one number a picture: pictures of any size, in bounded memory.
"""

import torch
from torch import Tensor

from superres.bench.measuring import find_metric
from superres.terms.metric import Metric


class Accumulated:
    """The mean of a metric over all pictures seen since the last ``reset``.

    ``metric`` is a name, with the ``scale`` of the enlargement where it asks for one, or a metric; pictures are given
    as it takes them, (B, C, H, W) in [0, 1].
    """

    def __init__(self, metric: str | Metric = "psnr", *, scale: int | None = None) -> None:
        self.metric = find_metric(metric, scale=scale) if isinstance(metric, str) else metric
        self.higher_is_better = {"higher": True, "lower": False, "neither": None}[self.metric.facts.better]
        self.is_differentiable = self.metric.facts.differentiable
        self._values: list[Tensor] = []

    def update(self, preds: Tensor, target: Tensor | None = None) -> None:
        self._values.append(self._measured(preds, target).detach().double().cpu())

    def compute(self) -> Tensor:
        """A float64 scalar; infinite where a picture's figure is, NaN where no picture was seen."""
        return torch.cat(self._values).mean() if self._values else torch.tensor(torch.nan, dtype=torch.float64)

    def reset(self) -> None:
        self._values.clear()

    def __call__(self, preds: Tensor, target: Tensor | None = None) -> Tensor:
        """Update, and give this batch's mean."""
        values = self._measured(preds, target)
        self._values.append(values.detach().double().cpu())
        return values.mean()

    def _measured(self, preds: Tensor, target: Tensor | None) -> Tensor:
        return self.metric(preds, target) if self.metric.facts.needs_reference else self.metric(preds)
