"""What runs a Graph on tiles: one file each, named by string in :mod:`superres.runtime.engines.choose`."""
