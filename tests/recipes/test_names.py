"""Every recipe of the table is one: it returns a Run, that JSON holds, whose every path can be shown."""

import json

import pytest

from superres.recipes.names import RECIPES
from superres.recipes.opening import open_recipe
from superres.terms.run import Run
from superres.terms.tree import from_json, leaves, resolved, to_json
from superres.train.build import settled


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_returns_a_run_that_json_holds(name: str) -> None:
    run = open_recipe(name)
    assert isinstance(run, Run)
    assert run.name.removesuffix(f"-x{run.network.arguments.get('scale')}") == name or run.name == name
    tree = resolved(settled(run))
    assert from_json(json.loads(json.dumps(to_json(tree), allow_nan=False))) == tree
    shown = {leaf.path: leaf.value for leaf in leaves(tree)}
    assert shown["data.seed"] == shown["seed"]


@pytest.mark.parametrize("name", RECIPES)
def test_the_network_of_a_recipe_can_be_built(name: str) -> None:
    run = open_recipe(name)
    assert run.network.build().scale == resolved(run).data.arguments["scale"]
