"""How something is learnt: players and their turns."""
