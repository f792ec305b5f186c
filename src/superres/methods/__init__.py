"""How something is learnt, one file each: players and the turns they take."""
