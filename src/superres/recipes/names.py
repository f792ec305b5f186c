"""The recipes of the package by name; each is a function without required parameters that returns a Run."""

RECIPES: dict[str, str] = {
    "chain": "superres.recipes.chain:chain",
    "srcnn": "superres.recipes.srcnn:srcnn",
    "srcnn-blur": "superres.recipes.srcnn:srcnn_blur",
    "srcnn-fast": "superres.recipes.srcnn:srcnn_fast",
    "composed": "superres.recipes.composed:composed",
    "srgan-small": "superres.recipes.srgan_small:srgan_small",
    "clean-x4": "superres.recipes.shipped:clean_x4",
    "clean-x4-again": "superres.recipes.shipped:clean_x4_again",
    "clean-x4-last": "superres.recipes.shipped:clean_x4_last",
    "clean-x3": "superres.recipes.shipped:clean_x3",
    "clean-x2": "superres.recipes.shipped:clean_x2",
    "photo-x4": "superres.recipes.shipped:photo_x4",
    "photo-x4-again": "superres.recipes.shipped:photo_x4_again",
    "photo-x4-last": "superres.recipes.shipped:photo_x4_last",
    "photo-x4-deep": "superres.recipes.shipped:photo_x4_deep",
    "photo-x4-fine": "superres.recipes.shipped:photo_x4_fine",
    "photo-x3": "superres.recipes.shipped:photo_x3",
    "photo-x3-again": "superres.recipes.shipped:photo_x3_again",
    "photo-x2": "superres.recipes.shipped:photo_x2",
    "photo-x2-again": "superres.recipes.shipped:photo_x2_again",
}
