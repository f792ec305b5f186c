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
_GRAPH = ("graph", "ncnn", "onnx")
_FFT = "its data step is a Fourier transform of the whole picture"
# fmt: off
NETWORKS: tuple[Row, ...] = (
    # --- pre-upsampling
    Row("srcnn", _N + "srcnn:SRCNN", "Dong et al., ECCV 2014", 2014, "pre", "bicubic", ("plain",),
        dict.fromkeys((2, 3, 4), 8_129), "", {"widths": (8, 4)}, {"start": "paper"}),
    Row("drcn", _N + "drcn:DRCN", "Kim et al., CVPR 2016", 2016, "pre", "bicubic",
        ("recursive", "global residual", "multi-supervision"), dict.fromkeys((2, 3, 4), 1_775_121),
        "recursions", {"width": 8}),
    Row("dwsr", _N + "dwsr:DWSR", "Guo et al., CVPRW 2017", 2017, "pre", "bicubic", ("wavelet", "global residual"),
        dict.fromkeys((2, 3, 4), 300_100), "depth", {"width": 8}),
    Row("xsrcnn", _N + "xsrcnn:XSRCNN", "Kligvasser et al., CVPR 2018", 2018, "pre", "bicubic", ("plain", "xUnit"),
        dict.fromkeys((2, 3, 4), 32_769), "", {"widths": (8, 4)},
        exceptions=dict.fromkeys(_GRAPH, "its activation is an exponential, which a Graph does not have")),
    # --- post-upsampling, plain and residual
    Row("chain", _N + "chain:Chain", "this package, after SRVGG 2021 and ECBSR 2021", 2026, "post", "sub-pixel",
        ("plain", "folding", "global residual"), {2: 1_171_692, 3: 1_206_447, 4: 1_258_128}, "depth", {"width": 8}),
    Row("edsr-baseline", _N + "edsr:EDSR", "Lim et al., CVPRW 2017", 2017, "post", "sub-pixel", ("local residual",),
        {2: 1_369_859, 3: 1_554_499, 4: 1_517_571}, "blocks", {"width": 8}),
    Row("edsr", _N + "edsr:EDSR", "Lim et al., CVPRW 2017", 2017, "post", "sub-pixel", ("local residual",),
        {2: 40_729_603, 3: 43_680_003, 4: 43_089_923}, "blocks", {"width": 8},
        {"blocks": 32, "width": 256, "residual": 0.1}),
    Row("srfeat", _N + "srfeat:SRFeat", "Park et al., ECCV 2018", 2018, "post", "sub-pixel",
        ("local residual", "long-range skips", "GAN"), {2: 5_620_099, 4: 6_210_435, 8: 6_800_771}, "blocks",
        {"width": 8}),
    Row("liif", _N + "liif:LIIF", "Chen et al., CVPR 2021", 2021, "post", "implicit function",
        ("local residual", "any scale"), dict.fromkeys((2, 3, 4), 1_567_299), "blocks",
        {"width": 8, "hidden": (8, 8)},
        exceptions=dict.fromkeys(_GRAPH, "it asks for sizes, and gathers features by place")),
    # --- post-upsampling, dense and multi-path
    # --- post-upsampling, attention
    # --- post-upsampling, light
    # --- progressive
    Row("lapsrn", _N + "lapsrn:LapSRN", "Lai et al., CVPR 2017", 2017, "progressive", "transposed",
        ("Laplacian pyramid", "multi-supervision"), {2: 407_441, 4: 814_242}, "depth", {"width": 8}),
    Row("prosr", _N + "prosr:ProSR", "Wang et al., CVPRW 2018", 2018, "progressive", "sub-pixel",
        ("dense", "multi-supervision", "curriculum"), {8: 15_479_529, 4: 13_399_046, 2: 9_471_843}, "layers",
        {"units": (1, 1, 1), "width": 8, "growth": 4},
        exceptions={"gradient": "the heads of smaller scales are learnt from stages, not from forward"}),
    # --- iterative up and down
    Row("dbpn", _N + "dbpn:DBPN", "Haris et al., CVPR 2018", 2018, "iterative", "transposed",
        ("back-projection", "dense"), {2: 5_953_526, 4: 10_426_358, 8: 23_205_878}, "stages",
        {"features": 8, "width": 8}),
    # --- restoration and the real world
    Row("srmd", _N + "srmd:SRMD", "Zhang et al., CVPR 2018", 2018, "post", "sub-pixel",
        ("plain", "told the degradation"), {2: 1_511_692, 3: 1_528_987, 4: 1_553_200}, "depth", {"width": 8}),
    Row("srmdnf", _N + "srmd:SRMD", "Zhang et al., CVPR 2018", 2018, "post", "sub-pixel",
        ("plain", "told the degradation"), {2: 1_510_540, 3: 1_527_835, 4: 1_552_048}, "depth", {"width": 8},
        {"noise": None}),
    Row("sft-gan", _N + "sft_gan:SFTGAN", "Wang et al., CVPR 2018", 2018, "post", "sub-pixel",
        ("local residual", "told what it shows", "GAN"), {4: 1_833_763}, "blocks",
        {"width": 8, "hidden": 8, "conditions": 4}),
    Row("usrnet", _N + "usrnet:USRNet", "Zhang et al., CVPR 2020", 2020, "post", "closed form",
        ("unfolding", "U-Net", "told the degradation"), dict.fromkeys((2, 3, 4), 17_016_016), "iterations",
        {"widths": (4, 4, 6, 6), "blocks": 1, "hidden": 4}, exceptions=dict.fromkeys(("tiles", *_GRAPH), _FFT)),
    # --- transformers and state spaces
    Row("mambair-light", _N + "mambair:MambaIR", "Guo et al., ECCV 2024", 2024, "post", "sub-pixel",
        ("state space", "channel attention"), {2: 1_055_736, 3: 1_063_851, 4: 1_075_212}, "groups",
        {"blocks": 1, "width": 8, "states": 2},
        exceptions=dict.fromkeys(("tiles", *_GRAPH), "it reads the whole picture as a sequence")),
)
# fmt: on
