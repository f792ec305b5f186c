"""The learning rate as a function of the step alone: nothing to save, so a resumed or changed run is always right."""

import bisect
import math

from superres.terms.run import Rule


def rate_at(rule: Rule, step: int, steps: int) -> float:
    """The learning rate of step ``step`` (from 0) of ``steps``."""
    if step < rule.warmup:
        return rule.lr * (step + 1) / rule.warmup
    since = step - rule.warmup
    if rule.schedule == "step":
        return rule.lr * rule.gamma ** (step // rule.period)
    if rule.schedule == "multistep":
        return rule.lr * rule.gamma ** bisect.bisect_right(rule.milestones, step)
    if rule.schedule == "cosine":
        return rule.lr * _cosine(since / max(1, steps - rule.warmup), rule.floor)
    if rule.schedule == "cosine-restarts":
        return rule.lr * _cosine(since % rule.period / rule.period, rule.floor)
    return rule.lr


def _cosine(part: float, floor: float) -> float:
    """1 at 0, ``floor`` at 1 (Loshchilov and Hutter 2017, equation 5)."""
    return floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * part))
