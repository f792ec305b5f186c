"""The recipes of the package by name; each is a function without required parameters that returns a Run."""

RECIPES: dict[str, str] = {
    "chain": "superres.recipes.chain:chain",
    "srgan-small": "superres.recipes.srgan_small:srgan_small",
}
