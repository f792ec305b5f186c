"""THE TABLE of families: where each stands. Reading it loads nothing."""

_F = "superres.converting.families."
FAMILIES: dict[str, str] = {
    "edsr": _F + "edsr:FAMILY",
}
