"""Runs refuse what cannot be meant, when they are made."""

import pytest

from superres.losses.l1 import L1
from superres.terms.run import Keep, Optimise, Rule, Run, Validate
from superres.terms.spec import spec
from superres.types import BadRequest


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"lr": 0.0}, "lr is 0.0; wanted a number above 0"),
        ({"lr": "1e-4"}, "lr is '1e-4'; wanted a number"),
        ({"betas": (0.9, 1.0)}, r"betas is \(0.9, 1.0\); wanted two numbers in \[0, 1\)"),
        ({"optimiser": "adamx"}, "optimiser is 'adamx'; wanted one of adam, adamw, sgd"),
        ({"momentum": 1.0}, "momentum"),
        ({"weight_decay": -1.0}, "weight_decay"),
        ({"warmup": -1}, "warmup"),
        ({"schedule": "multistep"}, "multistep wants some"),
        ({"milestones": (5,)}, "multistep wants some, others none"),
        ({"schedule": "multistep", "milestones": (9, 5)}, "steps in rising order"),
        ({"schedule": "step"}, "want steps"),
        ({"period": 5}, "others 0"),
        ({"gamma": 0.0}, "gamma"),
        ({"floor": 2.0}, "floor"),
        ({"clip": 0.0}, "clip"),
        ({"ema": 1.0}, "ema"),
        ({"groups": (("a", -1.0),)}, "groups"),
    ],
)
def test_a_rule_that_cannot_be_meant_is_refused(changes: dict[str, object], said: str) -> None:
    with pytest.raises(BadRequest, match=said):
        Rule(**changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        (Optimise, {"steps": 0}),
        (Optimise, {"accumulate": 0}),
        (Optimise, {"ahead": -1}),
        (Optimise, {"precision": "fp8"}),
        (Optimise, {"precision_share": 1.5}),
        (Optimise, {"steps": 10, "warmup": 10}),
        (Validate, {"every": 0}),
        (Validate, {"suites": ()}),
        (Validate, {"better": "both"}),
        (Keep, {"save": 0}),
        (Keep, {"log": 0}),
        (Run, {"name": "x", "method": spec(L1), "data": spec(L1), "network": 3}),
        (Run, {"name": "x", "network": spec(L1), "method": spec(L1), "data": spec(L1), "optimise": Rule()}),
        (Run, {"name": "x", "network": spec(L1), "method": spec(L1), "data": spec(L1), "seed": -1}),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(kind: type, changes: dict[str, object]) -> None:
    with pytest.raises(BadRequest, match=list(changes)[-1].partition("_")[0]):
        kind(**changes)


def test_a_player_that_is_not_named_follows_the_whole() -> None:
    optimise = Optimise(lr=1.0, players={"discriminator": Rule(lr=2.0)})
    assert optimise.rule("discriminator").lr == 2.0
    assert optimise.rule("generator") is optimise
