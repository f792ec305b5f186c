"""Paths and JSON of runs: every value reachable, checked and equal after the round trip."""

import json
import typing
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from term_parts import Numbers, typed

from superres.losses.charbonnier import Charbonnier
from superres.losses.l1 import L1
from superres.methods.supervised import Supervised
from superres.networks.chain import Chain
from superres.terms.run import Optimise, Rule, Run, Validate
from superres.terms.spec import LATE, Spec, part, spec
from superres.terms.tree import from_json, leaves, resolved, set_path, set_paths, to_json
from superres.terms.values import fits, parse
from superres.types import BadRequest

RUN = Run(
    name="example",
    network=spec(Chain, width=8),
    method=spec(Supervised, network=LATE, loss=part(Charbonnier)),
    data=Spec("term_parts:takes", {"numbers": Numbers(3, spec(L1)), "several": (spec(Charbonnier, epsilon=0.5), 1)}),
    optimise=Optimise(groups=(("tail.*", 0.1),), players={"other": Rule(lr=1.0)}),
    validate=Validate(every=5),
)


def found(run: Run, path: str) -> Any:
    return next(leaf.value for leaf in leaves(resolved(run)) if leaf.path == path)


@pytest.mark.parametrize(
    ("path", "text", "value"),
    [
        ("name", "other", "other"),
        ("seed", "7", 7),
        ("optimise.lr", "2e-4", 2e-4),
        ("optimise.steps", "2e5", 200_000),
        ("optimise.groups", "(tail.*,0.1),(head.*,2)", (("tail.*", 0.1), ("head.*", 2.0))),
        ("optimise.betas", "0.9,0.99", (0.9, 0.99)),
        ("optimise.betas", "(0.9, 0.99)", (0.9, 0.99)),
        ("optimise.groups", "(head.*,2)", (("head.*", 2.0),)),
        ("optimise.groups", "((a,1),(b,2))", (("a", 1.0), ("b", 2.0))),
        ("optimise.groups", "", ()),
        ("optimise.ema", "none", None),
        ("optimise.channels_last", "false", False),
        ("optimise.players.other.lr", "0.5", 0.5),
        ("optimise.players.new.lr", "0.5", 0.5),
        ("network.width", "64", 64),
        ("network.depth", "3", 3),
        ("method.loss", "superres.losses.l1:L1", spec(L1)),
        ("method.loss.epsilon", "0.25", 0.25),
        ("data.numbers.one", "9", 9),
        ("data.several.0.epsilon", "0.75", 0.75),
        ("validate.every", "50", 50),
        ("validate", "none", None),
        ("network", "superres.losses.l1:L1", spec(L1)),
    ],
)
def test_a_path_sets_one_value_and_nothing_else(path: str, text: str, value: object) -> None:
    before = resolved(RUN)
    changed = set_path(RUN, path, text)
    assert found(changed, path) == value
    assert resolved(RUN) == before
    below = path + "."
    for leaf in leaves(before):
        if not leaf.path.startswith(below) and leaf.path != path and not path.startswith(leaf.path + "."):
            assert found(changed, leaf.path) == leaf.value


def test_several_changes_need_only_be_right_together() -> None:
    pairs = [("optimise.schedule", "multistep"), ("optimise.milestones", "5,7"), ("network.width", "6")]
    for changes in (pairs, pairs[::-1]):
        run = set_paths(RUN, changes)
        assert (run.optimise.schedule, run.optimise.milestones) == ("multistep", (5, 7))
        assert run.network.arguments["width"] == 6
    with pytest.raises(BadRequest, match="optimise.schedule=multistep: .*multistep wants some"):
        set_paths(RUN, [pairs[0], pairs[2]])


def test_the_last_of_two_changes_counts_and_a_new_thing_forgets_the_old_ones() -> None:
    assert set_paths(RUN, [("seed", "2"), ("seed", "3")]).seed == 3
    changes = [("method.loss.epsilon", "0.5"), ("method.loss", "superres.losses.l1:L1")]
    assert found(set_paths(RUN, changes), "method.loss") == spec(L1)
    changes = [("method.loss", "superres.losses.charbonnier:Charbonnier"), ("method.loss.epsilon", "0.5")]
    assert found(set_paths(RUN, changes), "method.loss.epsilon") == 0.5


def test_what_a_recipe_leaves_open_stays_open() -> None:
    assert "depth" not in set_path(RUN, "network.width", "64").network.arguments


def test_validation_can_be_set_where_there_is_none() -> None:
    without = set_path(RUN, "validate", "none")
    assert set_path(without, "validate.every", "7").validate == Validate(every=7)


@pytest.mark.parametrize(
    ("path", "text", "said"),
    [
        ("optimise.lrr", "1", "optimise.lrr cannot be set: there is no such path; did you mean optimise.lr"),
        ("optimize.lr", "1", "did you mean optimise.lr"),
        ("network.widht", "1", "did you mean network.width"),
        ("network.width.more", "1", "network.width.more cannot be set"),
        ("method.loss.epsilon", "small", "'small' does not fit; wanted a number"),
        ("network.width", "6.5", "'6.5' does not fit; wanted a whole number"),
        ("optimise.channels_last", "perhaps", "wanted true or false"),
        ("optimise.schedule", "cosin", "wanted one of constant, cosine, step, multistep, cosine-restarts"),
        ("optimise.betas", "0.9", "wanted 2 values: a number, a number"),
        ("optimise.lr", "-1", "optimise.lr=-1: lr is -1.0; wanted a number above 0"),
        ("optimise.schedule", "multistep", "multistep wants some"),
        ("optimise", "fast", "optimise is made of parts; set one of them: optimise.optimiser"),
        ("network", "superres.networks.chain:Chian", "did you mean Chain"),
        ("network", "8", "'8' names nothing to build; wanted package.module:Name"),
        ("", "1", "cannot be set"),
    ],
)
def test_what_cannot_be_set_is_refused_with_what_was_wanted(path: str, text: str, said: str) -> None:
    with pytest.raises(BadRequest, match=said):
        set_path(RUN, path, text)


def test_json_holds_the_whole_tree() -> None:
    for run in (RUN, resolved(RUN)):
        assert from_json(json.loads(json.dumps(to_json(run), allow_nan=False))) == run


def test_every_leaf_can_be_set_to_the_value_that_it_shows() -> None:
    before = resolved(RUN)
    for leaf in leaves(before):
        if leaf.value != {} and not (leaf.value is None and leaf.wanted in ("anything", "object")):
            assert resolved(set_path(before, leaf.path, leaf.text)) == before, leaf.path


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"target": "superres.networks.chain:Chain", "arguments": {"widht": 1}}, "did you mean width"),
        ({"type": "superres.terms.run:Rule", "lrr": 1}, "Rule has no field 'lrr'; did you mean lr"),
        ({"type": "superres.terms.run:Rule", "lr": "fast"}, "lr is 'fast'; wanted a number"),
        ({"type": "superres.terms.run:Run", "name": "x"}, "Run cannot be read: .*network"),
        ({"type": "superres.networks.chain:Chain"}, "is no dataclass"),
        ({"type": "os:system", "command": "true"}, "belongs to Python itself"),
    ],
)
def test_json_that_does_not_fit_is_refused(data: object, said: str) -> None:
    with pytest.raises(BadRequest, match=said):
        from_json(data)


def test_numbers_that_json_cannot_hold_are_refused() -> None:
    with pytest.raises(BadRequest, match="finite"):
        to_json(Rule(lr=float("inf")))


HINTS = typing.get_type_hints(typed)
VALUES = {
    "whole": st.integers(),
    "number": st.floats(allow_nan=False, allow_infinity=False),
    "truth": st.booleans(),
    "maybe": st.none() | st.integers(),
    "pair": st.tuples(st.integers(), st.integers()),
    "several": st.lists(st.integers(), max_size=4).map(tuple),
    "choice": st.sampled_from(["red", "blue", 3]),
    "nested": st.lists(
        st.tuples(st.from_regex(r"[a-z*.]{1,8}", fullmatch=True), st.floats(0, 9)), min_size=1, max_size=3
    ).map(tuple),
}


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_what_is_shown_reads_back_as_the_same_value(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(VALUES)))
    value = data.draw(VALUES[name])
    run = Run(name="x", network=Spec("term_parts:typed", {name: value}), method=spec(L1), data=spec(L1))
    leaf = next(leaf for leaf in leaves(resolved(run)) if leaf.path == f"network.{name}")
    read = parse(leaf.text, HINTS[name])
    assert read == value
    assert fits(read, HINTS[name])


@pytest.mark.parametrize(
    ("value", "name", "good"),
    [
        (1, "number", True),
        (True, "number", False),
        (True, "whole", False),
        (1.0, "whole", False),
        (None, "maybe", True),
        ((1.0, 2.0), "either", True),
        ((1.0, 2.0, 3.0), "either", False),
        ("3", "choice", False),
        (3, "choice", True),
        ((1, 2, 3), "pair", False),
        ([1, 2], "pair", False),
        ((("a", 1.0), ("b", 2)), "nested", True),
    ],
)
def test_fitting(value: object, name: str, good: bool) -> None:
    assert fits(value, HINTS[name]) == good
