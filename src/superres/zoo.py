"""THE TABLE of networks: strings and numbers only, so that reading it loads nothing.

A row is the network's name on the command line, its line in the docs and its case in the contract. What can be computed
(multiply-adds, activations, radius, engines) is in ``costs.csv`` beside it, published scores in ``scores.csv``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any

from superres.types import BadRequest

_EMPTY: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True)
class Row:
    """One network. ``parameters`` counts trainable scalars by scale, and its keys are the scales it is built for.

    ``arguments`` make the paper's network; ``depth`` is the argument that repeats its body, and ``small`` what makes it
    small enough to try at any depth. ``exceptions`` say why a law of the contract does not hold.
    """

    name: str
    target: str
    paper: str
    year: int
    framework: str
    upsampler: str
    ideas: tuple[str, ...]
    parameters: Mapping[int, int]
    depth: str
    small: Mapping[str, Any] = field(default_factory=lambda: _EMPTY)
    arguments: Mapping[str, Any] = field(default_factory=lambda: _EMPTY)
    exceptions: Mapping[str, str] = field(default_factory=lambda: _EMPTY)

    @property
    def scales(self) -> tuple[int, ...]:
        return tuple(self.parameters)


def find(name: str) -> Row:
    """The row of that name; BadRequest, with the nearest names, where there is none."""
    for row in NETWORKS:
        if row.name == name:
            return row
    near = get_close_matches(name, [row.name for row in NETWORKS], 3)
    hint = f"; did you mean {' or '.join(near)}?" if near else "; superres networks lists them"
    raise BadRequest(f"{name!r} is no network of the table{hint}")


_N = "superres.networks."
# fmt: off
NETWORKS: tuple[Row, ...] = (
    # --- pre-upsampling
    Row("srcnn", _N + "srcnn:SRCNN", "Dong et al., ECCV 2014", 2014, "pre", "bicubic", ("plain",),
        dict.fromkeys((2, 3, 4), 8_129), "", {"widths": (8, 4)}, {"start": "paper"}),
    Row("drcn", _N + "drcn:DRCN", "Kim et al., CVPR 2016", 2016, "pre", "bicubic",
        ("recursive", "global residual", "multi-supervision"), dict.fromkeys((2, 3, 4), 1_775_121),
        "recursions", {"width": 8}),
    # --- post-upsampling, plain and residual
    Row("chain", _N + "chain:Chain", "this package, after SRVGG 2021 and ECBSR 2021", 2026, "post", "sub-pixel",
        ("plain", "folding", "global residual"), {2: 1_171_692, 3: 1_206_447, 4: 1_258_128}, "depth", {"width": 8}),
    Row("edsr-baseline", _N + "edsr:EDSR", "Lim et al., CVPRW 2017", 2017, "post", "sub-pixel", ("local residual",),
        {2: 1_369_859, 3: 1_554_499, 4: 1_517_571}, "blocks", {"width": 8}),
    Row("edsr", _N + "edsr:EDSR", "Lim et al., CVPRW 2017", 2017, "post", "sub-pixel", ("local residual",),
        {2: 40_729_603, 3: 43_680_003, 4: 43_089_923}, "blocks", {"width": 8},
        {"blocks": 32, "width": 256, "residual": 0.1}),
    # --- post-upsampling, dense and multi-path
    Row("rrdb", _N + "rrdb:RRDB", "Wang et al. (ESRGAN), ECCVW 2018", 2018, "post", "nearest",
        ("dense", "local residual"), {2: 16_661_059, 3: 16_661_059, 4: 16_697_987}, "blocks",
        {"width": 8, "growth": 4}),
    Row("rdn", _N + "rdn:RDN", "Zhang et al., CVPR 2018", 2018, "post", "sub-pixel", ("dense", "local residual"),
        {2: 22_123_395, 3: 22_308_035, 4: 22_271_107}, "blocks", {"width": 8, "growth": 4, "layers": 2}),
    Row("meta-rdn", _N + "meta_rdn:MetaRDN", "Hu et al., CVPR 2019", 2019, "post", "meta", ("dense", "any scale"),
        dict.fromkeys((2, 3, 4), 22_419_072), "blocks", {"width": 8, "growth": 4, "layers": 2, "hidden": 8},
        exceptions=dict.fromkeys(("graph", "ncnn", "onnx"), "its kernels are computed from the size of the picture")),
    Row("carn", _N + "carn:CARN", "Ahn et al., ECCV 2018", 2018, "post", "sub-pixel", ("dense", "local residual"),
        {2: 964_163, 3: 1_148_803, 4: 1_111_875}, "blocks", {"width": 8}),
    Row("msrn", _N + "msrn:MSRN", "Li et al., ECCV 2018", 2018, "post", "sub-pixel", ("multi-path", "local residual"),
        {2: 5_930_307, 3: 6_114_947, 4: 6_078_019}, "blocks", {"width": 8}),
    # --- post-upsampling, attention
    Row("rcan", _N + "rcan:RCAN", "Zhang et al., ECCV 2018", 2018, "post", "sub-pixel",
        ("channel attention", "local residual"), {2: 15_444_643, 3: 15_629_283, 4: 15_592_355}, "groups",
        {"width": 8, "blocks": 1}, exceptions={"tiles": "channel attention averages over the picture"}),
    Row("san", _N + "san:SAN", "Dai et al., CVPR 2019", 2019, "post", "sub-pixel",
        ("second-order attention", "non-local", "local residual"), {2: 15_674_732, 3: 15_859_372, 4: 15_822_444},
        "groups", {"width": 8, "blocks": 1}, exceptions={"tiles": "attention sees the whole picture", **dict.fromkeys(
            ("graph", "ncnn", "onnx"), "a graph has no step for covariances and non-local attention")}),
    Row("rnan", _N + "rnan:RNAN", "Zhang et al., ICLR 2019", 2019, "post", "sub-pixel",
        ("non-local", "attention", "local residual"), {2: 9_107_267, 3: 9_291_907, 4: 9_254_979}, "groups",
        {"width": 4}, exceptions={"tiles": "attention sees the whole picture", **dict.fromkeys(
            ("graph", "ncnn", "onnx"), "a graph has no step for non-local attention")}),
    # --- post-upsampling, light
    Row("carn-m", _N + "carn:CARN", "Ahn et al., ECCV 2018", 2018, "post", "sub-pixel",
        ("dense", "local residual", "recursive", "grouped"), {2: 257_027, 3: 303_427, 4: 294_147}, "blocks",
        {"width": 8}, {"groups": 4}),
    # --- progressive
    Row("lapsrn", _N + "lapsrn:LapSRN", "Lai et al., CVPR 2017", 2017, "progressive", "transposed",
        ("Laplacian pyramid", "multi-supervision"), {2: 407_441, 4: 814_242}, "depth", {"width": 8}),
    # --- iterative up and down
    Row("dbpn", _N + "dbpn:DBPN", "Haris et al., CVPR 2018", 2018, "iterative", "transposed",
        ("back-projection", "dense"), {2: 5_953_526, 4: 10_426_358, 8: 23_205_878}, "stages",
        {"features": 8, "width": 8}),
    Row("srfbn", _N + "srfbn:SRFBN", "Li et al., CVPR 2019", 2019, "iterative", "transposed",
        ("feedback", "dense", "global residual", "multi-supervision"), {2: 2_140_510, 3: 2_832_734, 4: 3_631_454},
        "groups", {"width": 4, "steps": 2}),
    Row("srfbn-s", _N + "srfbn:SRFBN", "Li et al., CVPR 2019", 2019, "iterative", "transposed",
        ("feedback", "dense", "global residual", "multi-supervision"), {2: 282_418, 3: 375_602, 4: 483_122},
        "groups", {"width": 4, "steps": 2}, {"groups": 3, "width": 32}),
    # --- restoration and the real world
    Row("real-esrgan", _N + "rrdb:RRDB", "Wang et al., ICCVW 2021", 2021, "post", "nearest",
        ("dense", "local residual", "pixel-unshuffle"), {1: 16_723_907, 2: 16_703_171, 4: 16_697_987}, "blocks",
        {"width": 4, "growth": 2}, {"unshuffle": True}),
    # --- transformers and state spaces
)
# fmt: on
