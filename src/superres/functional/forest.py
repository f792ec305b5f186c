"""Regression forests, evaluated."""

from dataclasses import dataclass

import torch
from torch import Tensor

from superres.types import BadModel


@dataclass(frozen=True)
class Forest:
    """Trees as arrays (trees, nodes): at a node, the sample's ``feature`` not above ``threshold`` leads left.

    Nodes count from 0, the root; ``feature`` is negative at a leaf, whose ``value`` is the tree's answer.
    """

    feature: Tensor
    threshold: Tensor
    left: Tensor
    right: Tensor
    value: Tensor

    def checked(self, features: int) -> "Forest":
        """The forest itself. BadModel for arrays that do not fit together or that point outside."""
        arrays = (self.feature, self.threshold, self.left, self.right, self.value)
        if self.feature.ndim != 2 or 0 in self.feature.shape or any(one.shape != self.feature.shape for one in arrays):
            raise BadModel("the forest's arrays are not of one shape (trees, nodes)")
        inner = self.feature >= 0
        nodes = torch.arange(self.feature.shape[1])
        for child in (self.left, self.right):
            if (((child <= nodes) | (child >= len(nodes))) & inner).any():
                raise BadModel("a node of the forest has a child that does not come after it, or is none of its tree")
        if int(self.feature.max()) >= features:
            raise BadModel(f"the forest asks for feature {int(self.feature.max())}, there are {features}")
        return self


def predict(forest: Forest, x: Tensor) -> Tensor:
    """(B, features) -> (B,): the mean of the trees' answers."""
    at = torch.zeros(len(x), forest.feature.shape[0], dtype=torch.long, device=x.device)

    def here(array: Tensor) -> Tensor:
        return array.gather(1, at.T).T

    while ((feature := here(forest.feature).long()) >= 0).any():
        leads_left = x.gather(1, feature.clamp(min=0)) <= here(forest.threshold)
        onward = torch.where(leads_left, here(forest.left), here(forest.right)).long()
        at = torch.where(feature >= 0, onward, at)
    return here(forest.value).mean(1)
