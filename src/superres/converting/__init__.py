"""Checkpoints that people already have: recognised by the names and shapes of their weights, no code run."""
