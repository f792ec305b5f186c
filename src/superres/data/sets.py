"""The sets that papers train on and test with: where they come from, how they lie on disk, what they are for.

Strings and numbers only. Checksums are SHA-256 of the archive, where one is known: those of DIV2K as TensorFlow
Datasets records them.
"""

import os
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Literal

from superres.types import BadInput, BadRequest


@dataclass(frozen=True, kw_only=True)
class KnownSet:
    """One set; nothing may be trained on one with the role ``test``.

    ``folders`` are looked for under the data root, ``inside`` in them; the first that is there counts. ``count`` is
    the number of pictures that belong to it (of pairs, where it has pairs); None where it depends on the version.
    ``take`` are patterns of the archive's files that belong to it, behind any folder; none means all pictures.
    """

    title: str
    role: Literal["train", "test"]
    count: int | None
    source: str
    paper: str
    licence: str
    folders: tuple[str, ...]
    protocol: str
    inside: tuple[str, ...] = (".", "HR", "GT", "original")
    download: str | None = None
    sha256: str | None = None
    take: tuple[str, ...] = field(default=())
    pairs: str | None = None
    note: str = ""


_Y = "y-studio-v1: luma of BT.601 in studio range, crop = scale, MATLAB bicubic"
_BENCHMARK = (".", "HR", "GT", "original", "GTmod12")
_BERKELEY = "Berkeley: non-commercial research and education"
_BSDS500 = "https://www2.eecs.berkeley.edu/Research/Projects/CS/vision/grouping/BSR/BSR_bsds500.tgz"
_DIV2K = "https://data.vision.ee.ethz.ch/cvl/DIV2K/"

SETS: dict[str, KnownSet] = {
    "set5": KnownSet(
        title="Set5",
        role="test",
        count=5,
        source="http://people.rennes.inria.fr/Aline.Roumy/results/SR_BMVC12.html",
        paper="Bevilacqua et al., BMVC 2012",
        licence="none stated",
        folders=("Set5", "set5"),
        inside=_BENCHMARK,
        protocol=_Y,
    ),
    "set14": KnownSet(
        title="Set14",
        role="test",
        count=14,
        source="https://sites.google.com/site/romanzeyde/research-interests",
        paper="Zeyde, Elad, Protter, Curves and Surfaces 2010",
        licence="none stated",
        folders=("Set14", "set14"),
        inside=_BENCHMARK,
        protocol=_Y,
        note="'bridge' is gray and stays gray; copies that hold it as RGB give other colour figures",
    ),
    "bsd100": KnownSet(
        title="BSD100",
        role="test",
        count=100,
        source="https://www2.eecs.berkeley.edu/Research/Projects/CS/vision/bsds/",
        paper="Martin et al., ICCV 2001; the 100 test pictures of BSDS300, the validation pictures of BSDS500",
        licence=_BERKELEY,
        folders=("BSD100", "B100", "BSDS100", "bsd100"),
        inside=_BENCHMARK,
        protocol=_Y,
        download=_BSDS500,
        take=("*/val/*.jpg", "*/BSDS300/images/test/*.jpg"),
    ),
    "urban100": KnownSet(
        title="Urban100",
        role="test",
        count=100,
        source="https://github.com/jbhuang0604/SelfExSR",
        paper="Huang, Singh, Ahuja, CVPR 2015",
        licence="pictures from Flickr under Creative Commons",
        folders=("Urban100", "urban100"),
        inside=_BENCHMARK,
        protocol=_Y,
    ),
    "manga109": KnownSet(
        title="Manga109",
        role="test",
        count=109,
        source="http://www.manga109.org/",
        paper="Matsui et al., Multimedia Tools and Applications 2017",
        licence="by request; academic use, redistribution forbidden",
        folders=("Manga109", "manga109"),
        inside=_BENCHMARK,
        protocol=_Y,
    ),
    "general100": KnownSet(
        title="General100",
        role="train",
        count=100,
        source="http://mmlab.ie.cuhk.edu.hk/projects/FSRCNN.html",
        paper="Dong, Loy, Tang (FSRCNN), ECCV 2016",
        licence="none stated",
        folders=("General100", "general100", "General-100"),
        protocol="training only",
        note="some papers test on it; do not do both",
    ),
    "t91": KnownSet(
        title="T91",
        role="train",
        count=91,
        source="http://mmlab.ie.cuhk.edu.hk/projects/SRCNN.html",
        paper="Yang et al., IEEE TIP 2010 (the '91 images')",
        licence="none stated",
        folders=("T91", "t91", "91", "91-image", "Train_91"),
        protocol="training only",
    ),
    "bsds": KnownSet(
        title="BSDS500 train and test",
        role="train",
        count=400,
        source="https://www2.eecs.berkeley.edu/Research/Projects/CS/vision/grouping/resources.html",
        paper="Arbelaez et al., IEEE PAMI 2011",
        licence=_BERKELEY,
        folders=("BSDS400", "bsds400", "BSDS"),
        protocol="training only",
        download=_BSDS500,
        take=("*/train/*.jpg", "*/test/*.jpg"),
        note="its validation pictures are BSD100 and are left out",
    ),
    "div2k": KnownSet(
        title="DIV2K",
        role="train",
        count=800,
        source="https://data.vision.ee.ethz.ch/cvl/DIV2K/",
        paper="Agustsson, Timofte, CVPR Workshops 2017",
        licence="academic research only",
        folders=("DIV2K", "div2k", "DIV2K_train_HR"),
        inside=(".", "DIV2K_train_HR", "train_HR", "HR"),
        protocol="training on 0001-0800; 0801-0900 are for validation",
        download=_DIV2K + "DIV2K_train_HR.zip",
        sha256="9d0b9c463f6e35b6c62cc6a930ee2224f670b34c1df841a57670f9acf0f6c335",
        take=("*/DIV2K_train_HR/*.png",),
    ),
    "flickr2k": KnownSet(
        title="Flickr2K",
        role="train",
        count=2650,
        source="https://cv.snu.ac.kr/research/EDSR/",
        paper="Lim et al. (EDSR), CVPR Workshops 2017",
        licence="none stated; pictures from Flickr",
        folders=("Flickr2K", "flickr2k"),
        inside=(".", "Flickr2K_HR", "HR"),
        protocol="training only",
        download="https://cv.snu.ac.kr/research/EDSR/Flickr2K.tar",
        take=("*/Flickr2K_HR/*.png",),
    ),
    "realsr": KnownSet(
        title="RealSR",
        role="train",
        count=None,
        source="https://github.com/csjcai/RealSR",
        paper="Cai et al., ICCV 2019",
        licence="none stated",
        folders=("RealSR", "RealSR(V3)", "RealSR_V3", "realsr"),
        protocol="luma of BT.601 in studio range, sizes cut to multiples of 4, no border crop",
        pairs="Canon and Nikon, Train and Test, 2, 3 and 4: *_HR.png and *_LR4.png side by side",
        note="version 3: 459 training and 100 test scenes with inputs of their true size; versions 1 and 2 hold "
        "inputs enlarged beforehand",
    ),
    "drealsr": KnownSet(
        title="DRealSR",
        role="train",
        count=None,
        source="https://github.com/xiezw5/Component-Divide-and-Conquer-for-Real-World-Image-Super-Resolution",
        paper="Wei et al. (CDC), ECCV 2020",
        licence="none stated",
        folders=("DRealSR", "drealsr"),
        protocol="luma, the authors' test script",
        pairs="x2, x3, x4; test_HR and test_LR, train_HR and train_LR",
        note="884, 783 and 840 training pairs and 83, 84 and 93 test pairs at x2, x3 and x4",
    ),
    "city100": KnownSet(
        title="City100",
        role="train",
        count=None,
        source="https://github.com/ngchc/CameraSR",
        paper="Chen et al., CVPR 2019",
        licence="MIT",
        folders=("City100", "city100"),
        protocol="luma of BT.601 in studio range",
        pairs="NikonD5500 and iPhoneX: 001H.PNG and 001L.PNG side by side, both of one size",
        note="100 postcards for each of the two cameras",
    ),
    "sr-raw": KnownSet(
        title="SR-RAW",
        role="train",
        count=500,
        source="https://github.com/ceciliavision/zoom-learn-zoom",
        paper="Zhang et al., CVPR 2019",
        licence="none stated",
        folders=("SR-RAW", "sr-raw", "SRRAW"),
        protocol="not aligned: contextual losses and LPIPS; PSNR says little",
        pairs="one folder a scene with 7 focal lengths, RAW and JPEG",
        note="count is scenes",
    ),
    "textzoom": KnownSet(
        title="TextZoom",
        role="train",
        count=None,
        source="https://github.com/JasonBoy1/TextZoom",
        paper="Wang et al., ECCV 2020",
        licence="none stated",
        folders=("TextZoom", "textzoom"),
        protocol="accuracy of text recognisers; LR 16x64, HR 32x128",
        pairs="LMDB files: train1, train2, test/easy, test/medium, test/hard; unpack them to pictures first",
        note="17 367 training and 4 373 test pairs",
    ),
    "super": KnownSet(
        title="SupER",
        role="train",
        count=None,
        source="https://superresolution.tf.fau.de/",
        paper="Koehler et al., IEEE PAMI 2020",
        licence="research",
        folders=("SupER", "super", "SUPER"),
        protocol="PSNR and SSIM on gray, 14 scenes",
        pairs="hardware binning 1, 2, 3 and 4 of the same scene",
        note="more than 80 000 pictures",
    ),
    "imagepairs": KnownSet(
        title="ImagePairs",
        role="train",
        count=11421,
        source="https://www.microsoft.com/en-us/research/project/imagepairs/",
        paper="Joze et al., CVPR Workshops 2020",
        licence="Microsoft research licence",
        folders=("ImagePairs", "imagepairs"),
        protocol="x2, PSNR and SSIM",
        pairs="HR and LR folders, a beam splitter's two cameras",
    ),
}
_PLACES = (".", "benchmarks", "benchmark", "train", "test")


def known_set(name: str) -> KnownSet:
    """The row of a set, whatever the case of its name. Raises: BadRequest with the nearest known name."""
    found = SETS.get(name.lower())
    if found is None:
        near = get_close_matches(name.lower(), SETS, n=1, cutoff=0.5)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise BadRequest(f"no data set is called {name!r}{hint} (there are: {', '.join(SETS)})")
    return found


def data_root(root: Path | None) -> Path:
    """The data root: the given one, or ``SUPERRES_DATA``. Raises: BadInput where there is none."""
    named = str(root) if root is not None else os.environ.get("SUPERRES_DATA", "")
    if not named:
        raise BadInput("no data root is known; name the folder that holds the sets with --data-root or SUPERRES_DATA")
    return Path(named)


def find_set(name: str, root: Path | None) -> Path:
    """The folder that holds a set's (high-resolution) pictures, under ``root`` or ``SUPERRES_DATA``.

    Looked for: the set's own folder names, in the root and in ``benchmarks``, ``train`` or ``test`` inside it.
    Raises: BadRequest for an unknown name, BadInput where it is not there, with what to do.
    """
    known = known_set(name)
    base = data_root(root)
    if not base.is_dir():
        raise BadInput(f"{base}: there is no such folder; --data-root or SUPERRES_DATA names where the sets lie")
    for place in _PLACES:
        for folder in known.folders:
            found = _pictures_in(base / place / folder, known)
            if found is not None:
                return found
    raise BadInput(
        f"{known.title} is not under {base}; put its pictures into {base / known.folders[0]}, or see "
        f"`superres data get {name.lower()}` (it comes from {known.source})"
    )


def _pictures_in(folder: Path, known: KnownSet) -> Path | None:
    if not folder.is_dir():
        return None
    for inside in known.inside:
        place = folder / inside if inside != "." else folder
        if place.is_dir() and any(_is_picture(file) for file in place.iterdir()):
            return place
    if known.pairs is not None:  # pairs lie in folders of their own making
        return folder if any(_is_picture(file) for file in folder.rglob("*")) else None
    return None


def _is_picture(path: Path) -> bool:
    return path.suffix.lower() in {".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp", ".ppm"} and path.is_file()
