"""Nouns that carry tensors."""
