"""Plain data: what JSON can hold, and nothing else."""

Plain = None | bool | int | float | str | list["Plain"] | dict[str, "Plain"]
