"""The names and shapes in official state dicts, and what the official modules compute: the lists of tests/converting.

Each official module is made in a process of its own, from a checkout of its repository, is given weights that
tests/converting/drawn.py draws from the names, and run on a drawn picture. What is kept are facts: repository, commit,
file, arguments, names, shapes, and a few numbers of the result. No code of theirs comes along.

    python benchmarks/official_lists.py --checkouts FOLDER [--only NAME ...]

FOLDER holds OWNER+NAME/ (a work tree) for each repository; commits.json in it says {"OWNER/NAME": "commit"}.
"""

import argparse
import gzip
import json
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parents[1] / "tests/converting"
OUT = HERE / "official"

STUBS = """
import sys, types, torch
from torch import nn
def _pair(x): return (x, x) if not isinstance(x, (tuple, list)) else tuple(x)
class _Drop(nn.Module):
    def __init__(self, p=0.0, *a, **k): super().__init__()
    def forward(self, x): return x
class _Registry:
    def register(self, *a, **k): return lambda one: one
def _stub(name, **held):
    module = types.ModuleType(name); module.__dict__.update(held); module.__path__ = []; sys.modules[name] = module
_init = dict(trunc_normal_=nn.init.trunc_normal_, to_2tuple=_pair, DropPath=_Drop)
for _n in ("timm timm.models basicsr basicsr.utils basicsr.archs torchvision cv2 fvcore").split(): _stub(_n)
_stub("timm.models.layers", **_init)
_stub("basicsr.utils.registry", ARCH_REGISTRY=_Registry())
_stub("basicsr.archs.arch_util", **_init)
_stub('torchvision.transforms'); _stub("torchvision.ops"); _stub("torchvision.utils", make_grid=None)
sys.modules["torchvision"].ops = sys.modules["torchvision.ops"]
def _rearrange(x, pattern, nc, ch, owh, oww):
    assert pattern == "b (nc ch owh oww) nw -> nc (b nw) (owh oww) ch"
    b, _, nw = x.shape
    return x.view(b, nc, ch, owh * oww, nw).permute(1, 0, 4, 3, 2).reshape(nc, b * nw, owh * oww, ch)
_stub("einops", rearrange=_rearrange)
torch.Tensor.cuda = lambda self, *a, **k: self
nn.Module.cuda = lambda self, *a, **k: self
from types import SimpleNamespace as NS
def cells(shape, ranges=None, flatten=True):
    rows = [-1 + 1 / n + 2 / n * torch.arange(n).float() for n in shape]
    made = torch.stack(torch.meshgrid(*rows, indexing="ij"), -1)
    return made.view(-1, made.shape[-1]) if flatten else made
def load(path, name="official_module"):
    import importlib.util
    found = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(found); sys.modules[name] = module; found.loader.exec_module(module)
    return module
def same(net, x): return net(x)
def wide(net, x): return net(x * 255) / 255
"""

EDSR = "yulunzhang/RCAN", "RCAN_TestCode/code", "from model import edsr as m"
# name: (repository, folder on the path, import, construction, run, gain, input (channels, height, width))
TABLE: dict[str, tuple] = {}


def row(name, repository, folder, imports, make, *, run="same", gain=0.6, size=(3, 12, 10), file=""):
    TABLE[name] = (repository, folder, imports, make, run, gain, size, file)


def _edsr_args(blocks: int, width: int, factor: float, scale: object) -> str:
    return f"NS(n_resblocks={blocks}, n_feats={width}, res_scale={factor}, scale={scale}, rgb_range=255, n_colors=3)"


for _s in (2, 3, 4):
    row(f"edsr-baseline-x{_s}", *EDSR, f"m.EDSR({_edsr_args(16, 64, 1, [_s])})", run="wide", file="model/edsr.py")
    row(f"edsr-x{_s}", *EDSR, f"m.EDSR({_edsr_args(32, 256, 0.1, [_s])})", run="wide", file="model/edsr.py")
_MDSR = EDSR[0], EDSR[1], "from model import mdsr as m"
row("mdsr", *_MDSR, f"m.MDSR({_edsr_args(80, 64, 1, [2, 3, 4])})", run="wide", gain=0.5, file="model/mdsr.py")
row("mdsr-baseline", *_MDSR, f"m.MDSR({_edsr_args(16, 64, 1, [2, 3, 4])})", run="wide", file="model/mdsr.py")
for _s in (2, 3, 4, 8):
    _a = (
        f"NS(n_resgroups=10, n_resblocks=20, n_feats=64, reduction=16, res_scale=1, scale=[{_s}], rgb_range=255, "
        "n_colors=3, data_train='DIV2K', data_test='Set5')"
    )
    row(
        f"rcan-x{_s}",
        EDSR[0],
        EDSR[1],
        "from model import rcan as m",
        f"m.RCAN({_a})",
        run="wide",
        gain=0.4,
        file="model/rcan.py",
    )
_B = (
    "xinntao/BasicSR",
    "basicsr/models/archs",
    (
        "_stub('basicsr.models'); _stub('basicsr.models.ops'); _stub('basicsr.models.archs')\n"
        "_stub('basicsr.models.ops.dcn', ModulatedDeformConvPack=object, modulated_deform_conv=None)\n"
        "sys.modules['basicsr.utils'].get_root_logger = None\n"
        "sys.modules['basicsr.models.archs'].arch_util = load('arch_util.py', 'basicsr.models.archs.arch_util')\n"
    ),
)
row("edsr-basicsr-x2", _B[0], _B[1], _B[2] + "m = load('edsr_arch.py')", "m.EDSR(3, 3, 64, 16, 2, 1, 255.)")
row("edsr-basicsr-x4", _B[0], _B[1], _B[2] + "m = load('edsr_arch.py')", "m.EDSR(3, 3, 64, 16, 4, 1, 255.)")
row("rcan-basicsr-x2", _B[0], _B[1], _B[2] + "m = load('rcan_arch.py')", "m.RCAN(3, 3, upscale=2)", gain=0.4)
for _s in (2, 3, 4):
    row(f"msrresnet-basicsr-x{_s}", _B[0], _B[1], _B[2] + "m = load('srresnet_arch.py')", f"m.MSRResNet(upscale={_s})")
_RRDB = _B[2] + "m = load('rrdbnet_arch.py')"
row("rrdb-x4", _B[0], _B[1], _RRDB, "m.RRDBNet(3, 3)")
row("rrdb-anime-x4", _B[0], _B[1], _RRDB, "m.RRDBNet(3, 3, num_block=6)")
_NEWER = (
    "sys.modules['basicsr.utils'].get_root_logger = None\n_stub('basicsr.ops'); _stub('basicsr.ops.dcn', "
    "ModulatedDeformConvPack=object, modulated_deform_conv=None)\n"
    "sys.modules['torchvision'].__version__ = '0.20.0'\n"
    "sys.modules['basicsr.archs'].arch_util = load('arch_util.py', 'basicsr.archs.arch_util')\n"
    "m = load('rrdbnet_arch.py', 'basicsr.archs.rrdbnet_arch')"
)
for _s in (1, 2):
    row(
        f"rrdb-x{_s}",
        "XPixelGroup/BasicSR",
        "basicsr/archs",
        _NEWER,
        f"m.RRDBNet(3, 3, scale={_s})",
        size=(3, 12, 8),
        file="rrdbnet_arch.py",
    )
_OLD = "xinntao/ESRGAN", ".", "m = load('RRDBNet_arch.py')"
row("esrgan-x4", *_OLD, "m.RRDBNet(3, 3, 64, 23)", file="RRDBNet_arch.py")
_K = "cszn/KAIR", "."
_KI = "import functools; from models import network_{0} as m"
for _s in (2, 4):
    row(f"esrgan-old-x{_s}", *_K, _KI.format("rrdb"), f"m.RRDB(upscale={_s})", file="models/network_rrdb.py")
row("esrgan-old-x3", *_K, _KI.format("rrdb"), "m.RRDB(upscale=3)", file="models/network_rrdb.py")
row("esrgan-bsrgan-x2", *_K, _KI.format("rrdbnet"), "m.RRDBNet(sf=2)", file="models/network_rrdbnet.py")
row("esrgan-bsrgan-x4", *_K, _KI.format("rrdbnet"), "m.RRDBNet(sf=4)", file="models/network_rrdbnet.py")
for _s in (2, 3, 4):
    row(
        f"srmd-x{_s}",
        *_K,
        _KI.format("srmd"),
        f"m.SRMD(upscale={_s})",
        gain=1.4,
        size=(19, 12, 10),
        file="models/network_srmd.py",
    )
    row(
        f"srmdnf-x{_s}",
        *_K,
        _KI.format("srmd"),
        f"m.SRMD(in_nc=18, upscale={_s})",
        gain=1.4,
        size=(18, 12, 10),
        file="models/network_srmd.py",
    )
row("msrresnet-x4", *_K, _KI.format("msrresnet"), "m.MSRResNet1(upscale=4)", file="models/network_msrresnet.py")
_U = "_stub('utils'); _stub('utils.utils_image'); sys.modules['utils'].utils_image = None\n"
row(
    "usrnet",
    *_K,
    _U + _KI.format("usrnet_v1"),
    "m.USRNet()",
    run="usr",
    gain=0.4,
    size=(3, 8, 8),
    file="models/network_usrnet_v1.py",
)
row(
    "usrnet-tiny",
    *_K,
    _U + _KI.format("usrnet_v1"),
    "m.USRNet(n_iter=6, h_nc=32, nc=[16, 32, 64, 64])",
    run="usr",
    gain=0.4,
    size=(3, 8, 8),
    file="models/network_usrnet_v1.py",
)
_SRVGG = "xinntao/Real-ESRGAN", "realesrgan/archs", "m = load('srvgg_arch.py')"
row("srvgg-general-x4", *_SRVGG, "m.SRVGGNetCompact(num_conv=32)", gain=1.4, file="srvgg_arch.py")
row("srvgg-anime-x4", *_SRVGG, "m.SRVGGNetCompact(num_conv=16)", gain=1.4, file="srvgg_arch.py")
row("srvgg-x2", *_SRVGG, "m.SRVGGNetCompact(num_conv=16, upscale=2)", gain=1.4, file="srvgg_arch.py")
for _s in (2, 3, 4):
    row(
        f"imdn-x{_s}",
        "Zheng222/IMDN",
        ".",
        "from model import architecture as m",
        f"m.IMDN(upscale={_s})",
        file="model/architecture.py",
    )
    row(
        f"pan-x{_s}",
        "zhaohengyuan1/PAN",
        "codes/models/archs",
        "_stub('models'); _stub('models.archs'); import arch_util; "
        "sys.modules['models.archs.arch_util'] = sys.modules['models.archs'].arch_util = arch_util; "
        "m = load('PAN_arch.py')",
        f"m.PAN(3, 3, 40, 24, 16, {_s})",
        file="PAN_arch.py",
    )
row("rfdn-x4", "njulj/RFDN", ".", "import RFDN as m", "m.RFDN()", file="RFDN.py", size=(3, 20, 18))
row(
    "safmn-large-x4",
    "sunny2109/SAFMN",
    "basicsr/archs",
    "m = load('safmn_arch.py')",
    "m.SAFMN(dim=128, n_blocks=16, upscaling_factor=4)",
    file="safmn_arch.py",
    size=(3, 16, 24),
)
row("rfdn-48-x4", "njulj/RFDN", ".", "import RFDN as m", "m.RFDN(nf=48)", file="RFDN.py", size=(3, 20, 18))
for _s in (2, 4):
    for _n, _c in (("rlfn", "rlfn.RLFN"), ("rlfn_s", "rlfn_s.RLFN_S")):
        row(
            f"{_n.replace('_', '-')}-x{_s}",
            "bytedance/RLFN",
            ".",
            f"from model import {_n}",
            f"{_c}(upscale={_s})",
            file=f"model/{_n}.py",
            size=(3, 20, 18),
        )
    for _w in (48, 52):
        row(
            f"span-{_w}-x{_s}",
            "hongyuanyu/SPAN",
            "basicsr/archs",
            "m = load('span_arch.py')",
            f"m.SPAN(3, 3, feature_channels={_w}, upscale={_s}).eval()",
            file="span_arch.py",
        )
row(
    "rlfn-ntire-x4",
    "bytedance/RLFN",
    ".",
    "from model import rlfn_ntire as m",
    "m.RLFN_Prune()",
    file="model/rlfn_ntire.py",
    size=(3, 20, 18),
)
_C = "nmhkahn/CARN-pytorch", "carn"
row("carn", *_C, "import model.carn as m", "m.Net(multi_scale=True, group=1)", run="two", file="model/carn.py")
row("carn-m", *_C, "import model.carn_m as m", "m.Net(multi_scale=True, group=4)", run="two", file="model/carn_m.py")
for _s in (2, 4, 8):
    for _n, _f, _stages in (("dbpn", "dbpn", 7), ("dbpn-ll", "dbpn_v1", 10)):
        row(
            f"{_n}-x{_s}",
            "alterzero/DBPN-Pytorch",
            ".",
            f"import {_f} as m",
            f"m.Net(num_channels=3, base_filter=64, feat=256, num_stages={_stages}, scale_factor={_s})",
            gain=0.5,
            file=f"{_f}.py",
            size=(3, 8, 7),
        )
for _s in (2, 3, 4):
    _g = f"in_channels=3, out_channels=3, num_steps=4, upscale_factor={_s}"
    row(
        f"srfbn-x{_s}",
        "Paper99/SRFBN_CVPR19",
        ".",
        "from networks import srfbn_arch as m",
        f"m.SRFBN(num_features=64, num_groups=6, {_g})",
        run="last_wide",
        file="networks/srfbn_arch.py",
        size=(3, 8, 7),
    )
    row(
        f"srfbn-s-x{_s}",
        "Paper99/SRFBN_CVPR19",
        ".",
        "from networks import srfbn_arch as m",
        f"m.SRFBN(num_features=32, num_groups=3, {_g})",
        run="last_wide",
        file="networks/srfbn_arch.py",
        size=(3, 8, 7),
    )
    row(
        f"msrn-x{_s}",
        "MIVRC/MSRN-PyTorch",
        "MSRN/Test/code",
        "from model import msrn as m",
        f"m.MSRN(NS(scale=[{_s}], rgb_range=255, n_colors=3))",
        run="wide",
        file="model/msrn.py",
    )
    row(
        f"san-x{_s}",
        "daitao/SAN",
        "TestCode/code",
        "from model import san as m",
        f"m.SAN(NS(n_resgroups=20, n_resblocks=10, n_feats=64, reduction=16, scale=[{_s}], rgb_range=255, n_colors=3, "
        "res_scale=1))",
        run="wide",
        gain=0.4,
        file="model/san.py",
    )
    row(
        f"rnan-x{_s}",
        "yulunzhang/RNAN",
        "SR/code",
        "from model import rnan as m",
        f"m.RNAN(NS(n_resgroups=10, n_resblocks=20, n_feats=64, reduction=16, scale=[{_s}], rgb_range=255, n_colors=3, "
        "res_scale=1))",
        run="wide",
        file="model/rnan.py",
        size=(3, 16, 16),
        gain=0.4,
    )
row(
    "lapsrn-x4",
    "twtygqyy/pytorch-LapSRN",
    ".",
    "import lapsrn as m",
    "m.Net()",
    run="last",
    gain=1.4,
    size=(1, 12, 10),
    file="lapsrn.py",
)
row("vdsr", "twtygqyy/pytorch-vdsr", ".", "import vdsr as m", "m.Net()", gain=1.4, size=(1, 12, 10), file="vdsr.py")
_S = "JingyunLiang/SwinIR", ".", "from models import network_swinir as m"
for _s in (2, 3, 4, 8):
    row(
        f"swinir-classical-x{_s}",
        *_S,
        f"m.SwinIR(upscale={_s}, img_size=48, window_size=8, depths=[6] * 6, "
        "embed_dim=180, num_heads=[6] * 6, mlp_ratio=2, upsampler='pixelshuffle')",
        size=(3, 16, 16),
        file="models/network_swinir.py",
    )
for _s in (2, 3, 4):
    row(
        f"swinir-light-x{_s}",
        *_S,
        f"m.SwinIR(upscale={_s}, img_size=64, window_size=8, depths=[6] * 4, embed_dim=60, "
        "num_heads=[6] * 4, mlp_ratio=2, upsampler='pixelshuffledirect')",
        size=(3, 16, 16),
        file="models/network_swinir.py",
    )
row(
    "swinir-real-x4",
    *_S,
    "m.SwinIR(upscale=4, img_size=64, window_size=8, depths=[6] * 6, embed_dim=180, "
    "num_heads=[6] * 6, mlp_ratio=2, upsampler='nearest+conv')",
    size=(3, 16, 16),
    file="models/network_swinir.py",
)
row(
    "swinir-real-large-x4",
    *_S,
    "m.SwinIR(upscale=4, img_size=64, window_size=8, depths=[6] * 9, embed_dim=240, "
    "num_heads=[8] * 9, mlp_ratio=2, upsampler='nearest+conv', resi_connection='3conv')",
    size=(3, 16, 16),
    file="models/network_swinir.py",
)
_H = "XPixelGroup/HAT", "hat/archs", "m = load('hat_arch.py')"
for _n, _a in (
    ("hat", "compress_ratio=3, squeeze_factor=30, embed_dim=180, depths=[6] * 6, num_heads=[6] * 6"),
    ("hat-s", "compress_ratio=24, squeeze_factor=24, embed_dim=144, depths=[6] * 6, num_heads=[6] * 6"),
    ("hat-l", "compress_ratio=3, squeeze_factor=30, embed_dim=180, depths=[6] * 12, num_heads=[6] * 12"),
):
    for _s in (2, 4):
        row(
            f"{_n}-x{_s}",
            *_H,
            f"m.HAT(upscale={_s}, img_size=64, window_size=16, conv_scale=0.01, overlap_ratio=0.5, "
            f"mlp_ratio=2, upsampler='pixelshuffle', resi_connection='1conv', img_range=1., {_a})",
            size=(3, 16, 16),
            file="hat_arch.py",
        )
for _s in (2, 3, 4):
    row(
        f"rdn-x{_s}",
        "yinboc/liif",
        ".",
        "_stub('utils', make_coord=cells); import models as m",
        f"m.make({{'name': 'rdn', 'args': {{'scale': {_s}}}}})",
        run="wide",
        file="models/rdn.py",
    )
row(
    "liif-edsr",
    "yinboc/liif",
    ".",
    "_stub('utils', make_coord=cells); import models as m",
    "m.make({'name': 'liif', 'args': {'encoder_spec': {'name': 'edsr-baseline', 'args': {'no_upsampling': True}}, "
    "'imnet_spec': {'name': 'mlp', 'args': {'out_dim': 3, 'hidden_list': [256] * 4}}}})",
    run="liif",
    gain=1.0,
    file="models/liif.py",
)

RUNS = """
def two(net, x): return net(x, 2)
def last(net, x): return net(x)[-1]
def last_wide(net, x): return net(x * 255)[-1] / 255
def liif(net, x):
    import torch
    h, w = x.shape[2] * 4, x.shape[3] * 4
    ys = -1 + 1 / h + 2 / h * torch.arange(h).float(); xs = -1 + 1 / w + 2 / w * torch.arange(w).float()
    coord = torch.stack(torch.meshgrid(ys, xs, indexing="ij"), -1).view(1, -1, 2)
    cell = torch.ones_like(coord); cell[..., 0] *= 2 / h; cell[..., 1] *= 2 / w
    made = net((x - 0.5) / 0.5, coord, cell)
    return (made * 0.5 + 0.5).view(1, h, w, 3).permute(0, 3, 1, 2)
def usr(net, x):
    k = torch.zeros(1, 1, 5, 5); k[0, 0, 1:4, 1:4] = torch.tensor([[1., 2, 1], [2, 4, 2], [1, 2, 1]]) / 16
    return net(x, k, 2, torch.full((1, 1, 1, 1), 0.01))
"""


TABLE |= {  # released on 0..255, which their test programs say
    name: (*one[:4], "wide", *one[5:]) for name, one in TABLE.items() if name.startswith(("rfdn", "rlfn"))
}


def child(name: str, checkouts: Path) -> None:
    repository, folder, imports, make, run, gain, size, file = TABLE[name]
    commit = json.loads((checkouts / "commits.json").read_text())[repository]
    place = checkouts / repository.replace("/", "+") / folder
    sys.path[:0] = [str(place), str(HERE)]
    import os

    os.chdir(place)
    sys.argv = sys.argv[:1]
    space: dict = {}
    exec(STUBS + RUNS, space)
    exec(imports, space)
    import drawn
    import torch

    torch.manual_seed(0)
    net = eval(make, space).eval()
    held = net.state_dict()
    described = {key: [str(one.dtype).removeprefix("torch."), *one.shape] for key, one in held.items()}
    fixed = {
        key: one.flatten().tolist()
        for key, one in held.items()
        if one.numel() <= 12
        and any(part in key for part in ("sub_mean", "add_mean", "rgb_mean", "mean"))
        and "running" not in key
    }
    made = drawn.weights(described, gain=gain, fixed=fixed)
    state = {
        key: torch.from_numpy(value) if one.is_floating_point() else one
        for (key, value), one in zip(made.items(), held.values(), strict=True)
    }
    state = {key: one if "attn_mask" not in key else held[key] for key, one in state.items()}
    torch.nn.Module.load_state_dict(net, state, strict=True)
    x = torch.from_numpy(drawn.picture(*size))
    answer = None
    try:
        with torch.no_grad():
            y = space[run](net, x)
        flat = y.flatten().double()
        places = torch.linspace(0, len(flat) - 1, 24).long().tolist()
        answer = {
            "shape": list(y.shape),
            "mean": flat.mean().item(),
            "std": flat.std().item(),
            "pixels": {str(one): flat[one].item() for one in places},
        }
        print(
            name,
            answer["shape"],
            round(answer["mean"], 3),
            round(answer["std"], 3),
            sum(v.numel() for v in state.values()),
        )
    except Exception as error:  # noqa: BLE001 - a list without a result is a list all the same
        print(name, "NOT RUN:", type(error).__name__, error)
    text = json.dumps(
        {
            "repository": repository,
            "commit": commit,
            "file": file or imports.rpartition("load('")[2].rstrip("')"),
            "made": make,
            "run": run,
            "gain": gain,
            "input": list(size),
            "state": described,
            "fixed": fixed,
            "reference": answer,
            "torch": torch.__version__,
        }
    )
    (OUT / f"{name}.json.gz").write_bytes(gzip.compress(text.encode(), mtime=0))


def main() -> None:
    reader = argparse.ArgumentParser()
    reader.add_argument("--checkouts", type=Path, required=True)
    reader.add_argument("--only", nargs="*", default=[])
    reader.add_argument("--child")
    given = reader.parse_args()
    checkouts = given.checkouts.resolve()
    if given.child:
        child(given.child, checkouts)
        return
    OUT.mkdir(parents=True, exist_ok=True)
    for name in given.only or TABLE:
        command = [sys.executable, __file__, "--checkouts", str(checkouts), "--child", name]
        done = subprocess.run(command, capture_output=True, text=True)
        print(
            done.stdout.strip() if done.returncode == 0 else f"{name} FAILED {done.stderr.strip().splitlines()[-1]}",
            flush=True,
        )


if __name__ == "__main__":
    main()
