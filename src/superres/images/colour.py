"""Colour that networks do not take, brought to gray or RGB: CMYK and Lab to sRGB, odd sample types to float."""

from typing import Any

from superres.types import BadInput

_LABS = ("lab", "labs", "labq", "lch", "cmc", "xyz", "yxy", "oklab", "oklch")
_RANGES = {"char": 127.0, "short": 32767.0, "int": 2147483647.0, "uint": 4294967295.0}


def normalise(image: Any) -> tuple[Any, list[str]]:
    """A libvips image as gray or RGB (or more bands) of uchar, ushort or float, and what there is to warn of.

    Where colours were converted, the image carries the profile of the new ones.
    """
    warnings: list[str] = []
    if image.format in ("complex", "dpcomplex"):
        raise BadInput("complex samples cannot be enlarged; wanted integers or floats")
    if image.interpretation == "cmyk":
        image, named = _from_cmyk(image)
        warnings.append(f"CMYK colours were converted to sRGB through {named}.")
    elif image.interpretation in _LABS:
        deep = image.format != "uchar" and image.interpretation != "labq"
        image = image.colourspace("rgb16" if deep else "srgb").copy()
        image.remove("icc-profile-data")
        warnings.append("Lab colours were converted to sRGB.")
    if image.format == "double":
        image = image.cast("float")
    elif image.format in _RANGES:
        most = _RANGES[image.format]
        image = (image / most).cast("float")
        warnings.append("Samples of a signed or 32-bit integer type were converted to floating point.")
    return image, warnings


def _from_cmyk(image: Any) -> tuple[Any, str]:
    has = image.get_typeof("icc-profile-data") != 0
    depth = 16 if image.format == "ushort" else 8
    converted = image.icc_transform(
        "srgb", embedded=True, input_profile="cmyk", intent="relative", black_point_compensation=True, depth=depth
    )
    return converted, "the embedded profile" if has else "a general CMYK profile, as the file has none"
