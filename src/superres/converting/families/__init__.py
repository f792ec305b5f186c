"""One file per network: how others write its weights, and how its arguments are read from them."""
