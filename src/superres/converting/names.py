"""THE TABLE of families: where each stands. Reading it loads nothing."""

_F = "superres.converting.families."
FAMILIES: dict[str, str] = {
    name: f"{_F}{name}:FAMILY"
    for name in (
        "edsr",
        "rdn",
        "usrnet",
        "liif",
        "dbpn",
        "span",
        "hat",
        "swinir",
        "srfbn",
        "rnan",
        "san",
        "msrn",
        "rcan",
        "carn",
        "imdn",
        "lapsrn",
        "mdsr",
        "msrresnet",
        "pan",
        "rfdn",
        "rlfn",
        "srmd",
        "rrdb",
        "safmn",
        "srvgg",
        "vdsr",
    )
}
