"""``superres show``: a recipe as the tree of everything that may be set."""


def show(recipe: str, /, *, set: tuple[str, ...] = ()) -> int:  # noqa: A002 - the flag is called --set
    """Print every path of a recipe that may be set, with its value and what it accepts.

    Args:
        recipe: a recipe's name, my.py:recipe, package.module:recipe, or a run.json
        set: a change, like optimise.lr=2e-4; may be given several times
    """
    from superres.recipes.opening import open_recipe
    from superres.train.describe import tree

    for line in tree(open_recipe(recipe, set)):
        print(line)
    return 0
