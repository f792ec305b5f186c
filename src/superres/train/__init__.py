"""The training loop and what leaves it."""
