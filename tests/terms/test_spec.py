"""Things to build later: checked when they are named, plain data, built all the way down."""

import pytest
from term_parts import Mutable, Numbers, takes
from torch import nn

from superres.losses.charbonnier import Charbonnier
from superres.losses.l1 import L1
from superres.methods.supervised import Supervised
from superres.networks.chain import Chain
from superres.terms.spec import LATE, Spec, load, part, spec
from superres.types import BadRequest


def test_building_calls_the_target_with_the_arguments() -> None:
    net = spec(Chain, width=8, depth=2).build()
    assert isinstance(net, Chain)
    assert (net.scale, len(net.body), net.head.direct.shape[0]) == (4, 2, 8)


def test_specs_among_the_arguments_are_built_wherever_they_stand() -> None:
    made = Spec(
        "term_parts:takes",
        {"numbers": Numbers(2, spec(L1)), "several": (spec(L1), (spec(Charbonnier, epsilon=0.5), 3))},
    ).build(late="now")
    numbers, several, late = made
    assert isinstance(numbers.loss, L1)
    assert isinstance(several[0], L1)
    assert several[1][0].epsilon == 0.5
    assert several[1][1] == 3
    assert late == "now"


def test_positional_arguments_find_their_names() -> None:
    assert spec(takes, Numbers()).arguments == {"numbers": Numbers()}


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("widht", 8, r"Chain has no argument 'widht'; did you mean width"),
        ("width", "8", "Chain: width is '8'; wanted a whole number"),
        ("width", True, "Chain: width is True; wanted a whole number"),
        ("width", 8.5, "Chain: width is 8.5; wanted a whole number"),
        ("width", nn.ReLU(), "Chain: width is a ReLU, which a run file cannot hold"),
        ("width", Mutable(), "Chain: width is a Mutable, which a run file cannot hold"),
        ("width", spec(L1), "Chain: width is Spec.*; wanted a whole number"),
    ],
)
def test_wrong_arguments_are_refused_when_it_is_made(name: str, value: object, said: str) -> None:
    with pytest.raises(BadRequest, match=said):
        Spec("superres.networks.chain:Chain", {name: value})


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("superres.networks.chain:Chian", "there is no 'Chian'; did you mean Chain"),
        ("superres.networks.chian:Chain", "no module 'superres.networks.chian' is found"),
        ("superres.blocks.folding:torch.nope", "there is no 'nope'"),
        ("chain", "wanted package.module:Name"),
        ("superres.networks.chain:__doc__", "wanted package.module:Name"),
        ("os:system", "belongs to Python itself and is refused"),
        ("builtins:exec", "belongs to Python itself and is refused"),
        ("subprocess:Popen", "belongs to Python itself and is refused"),
        ("superres.recipes.shipped:TRAINING_SETS", "is tuple; wanted a class or a function"),
    ],
)
def test_what_cannot_be_opened_is_refused(target: str, said: str) -> None:
    with pytest.raises(BadRequest, match=said):
        load(target)


def test_what_has_no_name_is_refused() -> None:
    class Inside(nn.Module):
        pass

    for nameless in (Inside, lambda: 1):
        with pytest.raises(BadRequest, match="cannot be named in a run file"):
            spec(nameless)


def test_a_catch_all_parameter_takes_no_argument() -> None:
    with pytest.raises(BadRequest, match="has no argument 'thing'"):
        Spec("term_parts:open_ended", {"thing": 1})


def test_late_arguments_are_left_out_until_they_are_given() -> None:
    made = spec(Supervised, network=LATE, loss=part(L1))
    assert made.missing == ("network",)
    with pytest.raises(BadRequest, match="Supervised wants network, which nothing gives"):
        made.build()
    net = Chain(width=4, depth=1)
    assert made.build(network=net).players == {"network": net}
    with pytest.raises(BadRequest, match="Supervised has no argument 'netwrok'"):
        made.build(network=net, netwrok=net)


def test_resolving_fills_in_every_default() -> None:
    made = spec(Supervised, network=LATE, loss=part(Charbonnier)).resolved()
    assert made.arguments == {"loss": spec(Charbonnier, epsilon=1e-3)}
    assert spec(Chain).resolved() == spec(Chain, scale=4, width=48, depth=10, channels=3, expand=4, skip="nearest")


def test_lists_become_tuples_so_that_nothing_changes_later() -> None:
    several = [1, [2, 3]]
    made = Spec("term_parts:takes", {"numbers": Numbers(), "several": several})
    several.append(4)
    assert made.arguments["several"] == (1, (2, 3))
