"""A picture through a network."""
