"""THE TABLE of networks: strings and numbers only, so that reading it loads nothing.

A row is the network's name on the command line, its line in the docs and its case in the contract. What can be computed
(multiply-adds, activations, radius, engines) is in ``zoo_costs.csv`` beside it, published scores in ``zoo_scores.csv``.
"""

import csv
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from importlib.resources import files
from typing import Any

from superres.types import BadRequest


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
    small: Mapping[str, Any] = field(default_factory=dict[str, Any])
    arguments: Mapping[str, Any] = field(default_factory=dict[str, Any])
    exceptions: Mapping[str, str] = field(default_factory=dict[str, Any])

    @property
    def scales(self) -> tuple[int, ...]:
        return tuple(self.parameters)


@dataclass(frozen=True)
class Score:
    """A published figure: PSNR in dB and SSIM on luma. ``source`` says where it was read, or is empty where nowhere."""

    network: str
    set: str
    scale: int
    psnr: float
    ssim: float | None
    source: str


@dataclass(frozen=True)
class Cost:
    """What a network costs at one scale, for 1280x720 pixels out; ``None`` is not known, a radius of it the picture.

    ``tiles`` is ``exact`` or ``whole``, ``engines`` what runs it, and ``streams`` whether it does row by row.
    """

    network: str
    scale: int
    parameters: int
    multiply_adds: int | None
    activations: int | None
    radius: int | None
    tiles: str
    streams: bool
    engines: tuple[str, ...]


def scores(name: str | None = None) -> list[Score]:
    """Published scores, of one network or of all; ``bicubic`` has some too."""
    return [
        Score(
            line["network"],
            line["set"],
            int(line["scale"]),
            float(line["psnr"]),
            float(line["ssim"]) if line["ssim"] else None,
            line["source"],
        )
        for line in _lines("zoo_scores.csv")
        if name in (None, line["network"])
    ]


def costs(name: str | None = None) -> list[Cost]:
    """Computed costs, of one network or of all, at each of its scales."""
    return [
        Cost(
            line["network"],
            int(line["scale"]),
            int(line["parameters"]),
            _number(line["multiply_adds"]),
            _number(line["activations"]),
            _number(line["radius"]),
            line["tiles"],
            line["streams"] == "yes",
            tuple(line["engines"].split()),
        )
        for line in _lines("zoo_costs.csv")
        if name in (None, line["network"])
    ]


def _number(text: str) -> int | None:
    return int(text) if text else None


def _lines(file: str) -> list[dict[str, str]]:
    return list(csv.DictReader(files("superres").joinpath(file).read_text(encoding="utf-8").splitlines()))


def find(name: str) -> Row:
    """The row of that name; BadRequest, with the nearest names, where there is none."""
    for row in NETWORKS:
        if row.name == name:
            return row
    near = get_close_matches(name, [row.name for row in NETWORKS], 3)
    hint = f"; did you mean {' or '.join(near)}?" if near else "; superres networks lists them"
    raise BadRequest(f"{name!r} is no network of the table{hint}")


def _no_graph(reason: str) -> dict[str, str]:
    """No Graph expresses the network, and so no engine but torch runs it."""
    return dict.fromkeys(("graph", "ncnn", "onnx"), reason)


_N = "superres.networks."
_WINDOWS = {"blocks": 2, "width": 12, "heads": 2, "fine": 4}
_WINDOWED = {"tiles": "its windows lie on the picture's grid", **_no_graph("it attends")}
_GRAPH = ("graph", "ncnn", "onnx")
_FFT = "its data step is a Fourier transform of the whole picture"
# fmt: off
NETWORKS: tuple[Row, ...] = (
    # --- pre-upsampling
    Row("srcnn", _N + "srcnn:SRCNN", "Dong et al., ECCV 2014", 2014, "pre", "bicubic", ("plain",),
        dict.fromkeys((2, 3, 4), 8_129), "", {"widths": (8, 4)}),
    Row("srcnn-955", _N + "srcnn:SRCNN", "Dong et al., PAMI 2016", 2015, "pre", "bicubic", ("plain",),
        dict.fromkeys((2, 3, 4), 57_281), "", {"widths": (8, 4)}, {"kernels": (9, 5, 5)}),
    Row("drcn", _N + "drcn:DRCN", "Kim et al., CVPR 2016", 2016, "pre", "bicubic",
        ("recursive", "global residual", "multi-supervision"), dict.fromkeys((2, 3, 4), 1_775_121),
        "recursions", {"width": 8}),
    Row("vdsr", _N + "vdsr:VDSR", "Kim et al., CVPR 2016", 2016, "pre", "bicubic", ("plain", "global residual"),
        dict.fromkeys((2, 3, 4), 665_921), "depth", {"width": 8}),
    Row("drrn", _N + "drrn:DRRN", "Tai et al., CVPR 2017", 2017, "pre", "bicubic",
        ("recursive", "local residual", "global residual"), dict.fromkeys((2, 3, 4), 310_659), "units", {"width": 8}),
    Row("memnet", _N + "memnet:MemNet", "Tai et al., ICCV 2017", 2017, "pre", "bicubic",
        ("recursive", "dense", "global residual", "multi-supervision"), dict.fromkeys((2, 3, 4), 695_497), "memories",
        {"width": 8, "recursions": 2}),
    Row("memnet-unshared", _N + "memnet:MemNet", "Tai et al., ICCV 2017", 2017, "pre", "bicubic",
        ("dense", "global residual", "multi-supervision"), dict.fromkeys((2, 3, 4), 2_911_177), "memories",
        {"width": 8, "recursions": 2}, {"shared": False}),
    Row("dwsr", _N + "dwsr:DWSR", "Guo et al., CVPRW 2017", 2017, "pre", "bicubic", ("wavelet", "global residual"),
        dict.fromkeys((2, 3, 4), 300_100), "depth", {"width": 8}),
    Row("drfn", _N + "drfn:DRFN", "Yang et al., TMM 2018", 2018, "pre", "transposed",
        ("recursive", "local residual", "feature fusion"), {2: 337_665, 3: 419_585, 4: 534_273, 8: 1_320_705},
        "recursions", {"width": 4}),
    Row("feqe", _N + "feqe:FEQE", "Vu et al., ECCVW 2018", 2018, "pre", "sub-pixel",
        ("desub-pixel", "local residual", "global residual"), {2: 95_340, 4: 96_464}, "blocks", {"width": 8}),
    Row("cnf", _N + "cnf:CNF", "Ren et al., CVPRW 2017", 2017, "pre", "bicubic", ("multi-path", "network fusion"),
        dict.fromkeys((2, 3, 4), 449_313), "", {"depths": (3, 4, 6), "widths": (8, 4)}),
    Row("xsrcnn", _N + "xsrcnn:XSRCNN", "Kligvasser et al., CVPR 2018", 2018, "pre", "bicubic", ("plain", "xUnit"),
        dict.fromkeys((2, 3, 4), 32_769), "", {"widths": (8, 4)}),
    # --- post-upsampling, plain and residual
    Row("chain", _N + "chain:Chain", "this package, after SRVGG 2021 and ECBSR 2021", 2026, "post", "sub-pixel",
        ("plain", "folding", "global residual"), {2: 1_171_692, 3: 1_206_447, 4: 1_258_128}, "depth", {"width": 8}),
    Row("edsr-baseline", _N + "edsr:EDSR", "Lim et al., CVPRW 2017", 2017, "post", "sub-pixel", ("local residual",),
        {2: 1_369_859, 3: 1_554_499, 4: 1_517_571}, "blocks", {"width": 8}),
    Row("edsr", _N + "edsr:EDSR", "Lim et al., CVPRW 2017", 2017, "post", "sub-pixel", ("local residual",),
        {2: 40_729_603, 3: 43_680_003, 4: 43_089_923}, "blocks", {"width": 8},
        {"blocks": 32, "width": 256, "residual": 0.1}),
    Row("srresnet", _N + "srresnet:SRResNet", "Ledig et al., CVPR 2017", 2017, "post", "sub-pixel",
        ("local residual", "batch normalisation"), {2: 1_401_749, 3: 1_586_389, 4: 1_549_462}, "blocks", {"width": 4}),
    Row("msrresnet", _N + "msrresnet:MSRResNet", "Wang et al., ECCVW 2018", 2018, "post", "sub-pixel",
        ("local residual", "global residual"), {2: 1_369_859, 3: 1_554_499, 4: 1_517_571}, "blocks", {"width": 8}),
    Row("mdsr-baseline", _N + "mdsr:MDSR", "Lim et al., CVPRW 2017", 2017, "post", "sub-pixel",
        ("local residual", "multi-scale"), dict.fromkeys((2, 3, 4), 3_227_203), "blocks", {"width": 8},
        {"blocks": 16}, {"gradient": "the branches of the other scales wait"}),
    Row("mdsr", _N + "mdsr:MDSR", "Lim et al., CVPRW 2017", 2017, "post", "sub-pixel",
        ("local residual", "multi-scale"), dict.fromkeys((2, 3, 4), 7_953_987), "blocks", {"width": 8},
        exceptions={"gradient": "the branches of the other scales wait"}),
    Row("enhancenet", _N + "enhancenet:EnhanceNet", "Sajjadi et al., ICCV 2017", 2017, "post", "nearest",
        ("local residual", "global residual"), {4: 852_867}, "blocks", {"width": 8}),
    Row("srfeat", _N + "srfeat:SRFeat", "Park et al., ECCV 2018", 2018, "post", "sub-pixel",
        ("local residual", "long-range skips", "GAN"), {2: 5_620_099, 4: 6_210_435, 8: 6_800_771}, "blocks",
        {"width": 8}),
    Row("liif", _N + "liif:LIIF", "Chen et al., CVPR 2021", 2021, "post", "implicit function",
        ("local residual", "any scale"), dict.fromkeys((2, 3, 4), 1_567_299), "blocks",
        {"width": 8, "hidden": (8, 8)},
        exceptions=dict.fromkeys(_GRAPH, "it asks for sizes, and gathers features by place")),
    Row("pixel-sr", _N + "pixel_sr:PixelSR", "Dahl et al., ICCV 2017", 2017, "post", "transposed",
        ("local residual", "region-recursive"), {4: 4_604_032, 2: 4_483_808, 8: 4_724_256}, "layers",
        {"blocks": 1, "width": 6, "prior_width": 6, "hidden": 6, "values": 4},
        exceptions=dict.fromkeys(_GRAPH, "it takes the softmax over the values, which a Graph does not have")),
    # --- post-upsampling, dense and multi-path
    Row("srdensenet", _N + "srdensenet:SRDenseNet", "Tong et al., ICCV 2017", 2017, "post", "transposed", ("dense",),
        {4: 2_143_489}, "blocks", {"layers": 2, "growth": 4, "bottleneck": 8}),
    Row("rrdb", _N + "rrdb:RRDB", "Wang et al. (ESRGAN), ECCVW 2018", 2018, "post", "nearest",
        ("dense", "local residual"), {2: 16_661_059, 3: 16_661_059, 4: 16_697_987}, "blocks",
        {"width": 4, "growth": 2}),
    Row("rdn", _N + "rdn:RDN", "Zhang et al., CVPR 2018", 2018, "post", "sub-pixel", ("dense", "local residual"),
        {2: 22_123_395, 3: 22_308_035, 4: 22_271_107}, "blocks", {"width": 8, "growth": 4, "layers": 2}),
    Row("meta-rdn", _N + "meta_rdn:MetaRDN", "Hu et al., CVPR 2019", 2019, "post", "meta", ("dense", "any scale"),
        dict.fromkeys((2, 3, 4), 22_419_072), "blocks", {"width": 8, "growth": 4, "layers": 2, "hidden": 8},
        exceptions=_no_graph("its kernels are computed from the size of the picture")),
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
        "groups", {"width": 8, "blocks": 1}, exceptions={"tiles": "attention sees the whole picture",
            **_no_graph("it has no step for covariances and non-local attention")}),
    Row("rnan", _N + "rnan:RNAN", "Zhang et al., ICLR 2019", 2019, "post", "sub-pixel",
        ("non-local", "attention", "local residual"), {2: 9_107_267, 3: 9_291_907, 4: 9_254_979}, "groups",
        {"width": 4}, exceptions={"tiles": "attention sees the whole picture",
            **_no_graph("it has no step for non-local attention")}),
    # --- post-upsampling, light
    Row("fsrcnn", _N + "fsrcnn:FSRCNN", "Dong et al., ECCV 2016", 2016, "post", "transposed", ("plain", "hourglass"),
        dict.fromkeys((2, 3, 4), 12_809), "mapping", {"width": 8, "narrow": 4}),
    Row("fsrcnn-s", _N + "fsrcnn:FSRCNN", "Dong et al., ECCV 2016", 2016, "post", "transposed", ("plain", "hourglass"),
        dict.fromkeys((2, 3, 4), 4_086), "mapping", {"width": 8, "narrow": 4},
        {"width": 32, "narrow": 5, "mapping": 1}),
    Row("espcn", _N + "espcn:ESPCN", "Shi et al., CVPR 2016", 2016, "post", "sub-pixel", ("plain",),
        {2: 21_284, 3: 22_729, 4: 24_752}, "", {"widths": (8, 4)}),
    Row("idn", _N + "idn:IDN", "Hui et al., CVPR 2018", 2018, "post", "transposed",
        ("distillation", "group convolution", "global residual"), dict.fromkeys((2, 3, 4), 552_769), "blocks",
        {"width": 16, "kept": 4}),
    Row("carn-m", _N + "carn:CARN", "Ahn et al., ECCV 2018", 2018, "post", "sub-pixel",
        ("dense", "local residual", "recursive", "grouped"), {2: 257_027, 3: 303_427, 4: 294_147}, "blocks",
        {"width": 8}, {"groups": 4}),
    Row("imdn", _N + "imdn:IMDN", "Hui et al., ACM MM 2019", 2019, "post", "sub-pixel",
        ("distillation", "channel attention"), {2: 694_404, 3: 703_059, 4: 715_176}, "blocks",
        {"width": 16, "reduction": 4}, {}, {"tiles": "its attention sees the whole picture"}),
    Row("rfdn", _N + "rfdn:RFDN", "Liu et al., ECCVW 2020", 2020, "post", "sub-pixel",
        ("distillation", "spatial attention"), {2: 417_212, 3: 423_977, 4: 433_448}, "blocks", {"width": 16}, {},
        {"tiles": "its attention is stretched to the picture's size"}),
    Row("pan", _N + "pan:PAN", "Zhao et al., ECCVW 2020", 2020, "post", "nearest", ("pixel attention",),
        {2: 261_403, 3: 261_403, 4: 272_419}, "blocks", {"width": 8, "fine": 6}),
    Row("ecbsr", _N + "ecbsr:ECBSR", "Zhang et al., ACM MM 2021", 2021, "post", "sub-pixel",
        ("folding", "global residual"), {2: 39_704, 3: 42_044, 4: 46_832}, "blocks", {"width": 8}),
    Row("ecbsr-m16c64", _N + "ecbsr:ECBSR", "Zhang et al., ACM MM 2021", 2021, "post", "sub-pixel",
        ("folding", "global residual"), {2: 2_187_656, 3: 2_193_356, 4: 2_202_848}, "blocks", {"width": 8},
        {"blocks": 16, "width": 64}),
    Row("srvgg", _N + "srvgg:SRVGG", "Wang et al., ICCVW 2021", 2021, "post", "sub-pixel", ("plain", "global residual"),
        {2: 600_652, 3: 609_307, 4: 621_424}, "depth", {"width": 8}),
    Row("srvgg-32", _N + "srvgg:SRVGG", "Wang et al., ICCVW 2021", 2021, "post", "sub-pixel",
        ("plain", "global residual"), {2: 1_192_524, 3: 1_201_179, 4: 1_213_296}, "depth", {"width": 8}, {"depth": 32}),
    Row("rlfn", _N + "rlfn:RLFN", "Kong et al., CVPRW 2022", 2022, "post", "sub-pixel", ("spatial attention",),
        {2: 526_856, 3: 533_891, 4: 543_740}, "blocks", {"width": 12, "attention": 8}, {},
        {"tiles": "its attention is stretched to the picture's size"}),
    Row("safmn", _N + "safmn:SAFMN", "Sun et al., ICCV 2023", 2023, "post", "sub-pixel", ("spatial attention",),
        {2: 227_820, 3: 232_695, 4: 239_520}, "blocks", {"width": 16}, {},
        {"tiles": "its cells depend on the picture's size"}),
    Row("span", _N + "span:SPAN", "Wan et al., CVPRW 2024", 2024, "post", "sub-pixel",
        ("parameter-free attention", "folding"), {2: 2_140_252, 3: 2_147_287, 4: 2_157_136}, "blocks", {"width": 8}),
    Row("span-s", _N + "span:SPAN", "Wan et al., CVPRW 2024", 2024, "post", "sub-pixel",
        ("parameter-free attention", "folding"), {2: 1_824_900, 3: 1_831_395, 4: 1_840_488}, "blocks", {"width": 8},
        {"width": 48}),
    # --- progressive
    Row("lapsrn", _N + "lapsrn:LapSRN", "Lai et al., CVPR 2017", 2017, "progressive", "transposed",
        ("Laplacian pyramid", "multi-supervision"), {2: 407_441, 4: 814_242}, "depth", {"width": 8}),
    Row("ms-lapsrn", _N + "mslapsrn:MSLapSRN", "Lai et al., PAMI 2018", 2018, "progressive", "transposed",
        ("Laplacian pyramid", "recursive", "local residual", "multi-supervision"),
        dict.fromkeys((2, 4, 8), 222_801), "recursions", {"width": 8, "depth": 2}),
    Row("prosr", _N + "prosr:ProSR", "Wang et al., CVPRW 2018", 2018, "progressive", "sub-pixel",
        ("dense", "multi-supervision", "curriculum"), {8: 15_479_529, 4: 13_399_046, 2: 9_471_843}, "layers",
        {"units": (1, 1, 1), "width": 8, "growth": 4},
        exceptions={"gradient": "the heads of smaller scales are learnt from stages, not from forward"}),
    # --- iterative up and down
    Row("dbpn", _N + "dbpn:DBPN", "Haris et al., CVPR 2018", 2018, "iterative", "transposed",
        ("back-projection", "dense"), {2: 5_953_526, 4: 10_426_358, 8: 23_205_878}, "stages",
        {"features": 8, "width": 8}),
    Row("dsrn", _N + "dsrn:DSRN", "Han et al., CVPR 2018", 2018, "iterative", "transposed",
        ("recursive", "feedback", "local residual", "global residual"), {2: 732_035, 3: 813_955, 4: 928_643}, "steps",
        {"width": 8}),
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
    Row("srmd", _N + "srmd:SRMD", "Zhang et al., CVPR 2018", 2018, "post", "sub-pixel",
        ("plain", "told the degradation"), {2: 1_511_692, 3: 1_528_987, 4: 1_553_200}, "depth", {"width": 8}),
    Row("srmdnf", _N + "srmd:SRMD", "Zhang et al., CVPR 2018", 2018, "post", "sub-pixel",
        ("plain", "told the degradation"), {2: 1_510_540, 3: 1_527_835, 4: 1_552_048}, "depth", {"width": 8},
        {"noise": None}),
    Row("dpsr", _N + "dpsr:DPSR", "Zhang et al., CVPR 2019", 2019, "post", "sub-pixel",
        ("local residual", "conditioned on noise"), {2: 3_161_664, 3: 3_576_864, 4: 3_493_824}, "blocks", {"width": 8}),
    # --- transformers and state spaces
    Row("swinir", _N + "swinir:SwinIR", "Liang et al., ICCVW 2021", 2021, "post", "sub-pixel", ("window attention",),
        {2: 11_752_487, 3: 11_937_127, 4: 11_900_199, 8: 12_047_911}, "groups", _WINDOWS, {}, _WINDOWED),
    Row("swinir-light", _N + "swinir:SwinIR", "Liang et al., ICCVW 2021", 2021, "post", "sub-pixel",
        ("window attention",), {2: 910_152, 3: 918_267, 4: 929_628}, "groups", _WINDOWS,
        {"upsample": "light", "groups": 4, "width": 60}, _WINDOWED),
    Row("swinir-real", _N + "swinir:SwinIR", "Liang et al., ICCVW 2021", 2021, "post", "nearest",
        ("window attention",), {2: 11_678_631, 4: 11_715_559}, "groups", _WINDOWS, {"upsample": "real"}, _WINDOWED),
    Row("swinir-real-large", _N + "swinir:SwinIR", "Liang et al., ICCVW 2021", 2021, "post", "nearest",
        ("window attention",), {4: 28_013_059}, "groups", _WINDOWS,
        {"upsample": "real", "groups": 9, "width": 240, "heads": 8, "thrifty": True}, _WINDOWED),
    Row("hat", _N + "hat:HAT", "Chen et al., CVPR 2023", 2023, "post", "sub-pixel",
        ("window attention", "channel attention"), {2: 20_624_795, 3: 20_809_435, 4: 20_772_507}, "groups",
        {**_WINDOWS, "window": 4, "squeeze": 4}, {}, _WINDOWED),
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
