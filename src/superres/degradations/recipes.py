"""Named degradations: functions of ``scale`` and further keywords, all of which may be set."""

import math
from collections.abc import Callable

from superres.degradations.batch import Span
from superres.degradations.blur import Blur
from superres.degradations.compose import Chain, Choice, Maybe, Shuffled
from superres.degradations.correlated_noise import CorrelatedNoise
from superres.degradations.gaussian_noise import GaussianNoise
from superres.degradations.high_order import HighOrder, Round
from superres.degradations.imresize import Imresize
from superres.degradations.jpeg import Jpeg
from superres.degradations.kernel_file import KernelFile
from superres.degradations.kernels import Anisotropic, Isotropic, Kernels, Mixed, Motion, Plateau, Sinc
from superres.degradations.photo import Photo
from superres.degradations.poisson_noise import PoissonNoise
from superres.degradations.quantise import Quantise
from superres.degradations.srcnn import Srcnn
from superres.degradations.subsample import Phase, Subsample
from superres.images.resize import Edge
from superres.terms.degradation import Degradation
from superres.types import BadRequest

_GAUSSIAN8 = {2: (0.8, 1.6), 3: (1.35, 2.4), 4: (1.8, 3.2)}


def bicubic(*, scale: int, edge: Edge = "clamp", levels: int = 255) -> Degradation:
    """MATLAB's bicubic reduction, bit for bit: the field's usual low-resolution pictures."""
    return Imresize(scale=scale, edge=edge, levels=levels)


def bilinear(*, scale: int, antialias: bool = True, levels: int = 255) -> Degradation:
    """MATLAB's bilinear reduction."""
    return Imresize(scale=scale, method="bilinear", antialias=antialias, levels=levels)


def nearest(*, scale: int, levels: int = 255) -> Degradation:
    """MATLAB's nearest neighbour: one pixel of each block, the middle one or the one after the middle."""
    return Imresize(scale=scale, method="nearest", levels=levels)


def subsample(*, scale: int, phase: Phase = "centre", levels: int = 255) -> Degradation:
    """One point of each block, its centre (nothing moves) or its corner (x[::s, ::s])."""
    return Chain((Subsample(scale=scale, phase=phase), Quantise(levels=levels)))


def srcnn(*, scale: int, sigma: float | None = 1.6, levels: int = 255) -> Degradation:
    """SRCNN's input: Gaussian blur, subsampling, bicubic back to the same size; sigma none reduces by bicubic."""
    return Srcnn(factor=scale, sigma=sigma, levels=levels)


def blur_subsample(*, scale: int = 3, sigma: float = 1.6, size: int = 7, levels: int = 255) -> Degradation:
    """The field's BD at x3: a Gaussian kernel of 7x7 and width 1.6, then the centre of each block."""
    return _blurred(Isotropic(width=(sigma, sigma), size=size), scale, levels)


def bicubic_noise(*, scale: int = 3, sigma: float = 30.0, gray: float = 0.0, levels: int = 255) -> Degradation:
    """The field's DN at x3: MATLAB's bicubic reduction, then Gaussian noise of sigma 30 (of 255)."""
    noise = GaussianNoise(sigma=(sigma, sigma), gray=gray)
    return Chain((Imresize(scale=scale, levels=levels), noise, Quantise(levels=levels)))


def gaussian8(*, scale: int, width: Span | None = None, size: int = 21, levels: int = 255) -> Degradation:
    """One of eight round Gaussians (Gu et al., IKC, CVPR 2019): width 0.8-1.6 at x2, 1.35-2.4 at x3, 1.8-3.2 at x4."""
    if width is None and scale not in _GAUSSIAN8:
        raise BadRequest(f"gaussian8 is defined for x2, x3 and x4, not x{scale}; set width=LOW,HIGH")
    return _blurred(Isotropic(width=width or _GAUSSIAN8[scale], size=size, steps=8), scale, levels)


def isotropic(*, scale: int, width: Span = (0.2, 4.0), size: int = 21, levels: int = 255) -> Degradation:
    """Round Gaussian blur of any width, then the centre of each block."""
    return _blurred(Isotropic(width=width, size=size), scale, levels)


def anisotropic(
    *, scale: int, width: Span = (0.6, 5.0), shape: Span = (1.0, 1.0), size: int = 21, levels: int = 255
) -> Degradation:
    """Long Gaussian blur at any angle, generalised by shape, then the centre of each block."""
    return _blurred(Anisotropic(width=width, shape=shape, size=size), scale, levels)


def plateau(
    *, scale: int, width: Span = (0.6, 5.0), shape: Span = (1.0, 2.0), size: int = 21, levels: int = 255
) -> Degradation:
    """Blur by flat-topped kernels, then the centre of each block."""
    return _blurred(Plateau(width=width, shape=shape, size=size), scale, levels)


def motion(
    *, scale: int, length: Span = (2.0, 15.0), bend: float = 2.0, size: int = 21, levels: int = 255
) -> Degradation:
    """Blur along the bent path of a moving camera, then the centre of each block."""
    return _blurred(Motion(length=length, bend=bend, size=size), scale, levels)


def kernel_file(
    *, scale: int, file: str, index: int | None = None, centred: bool = False, levels: int = 255
) -> Degradation:
    """Blur by a kernel from a .mat, .npy or .png file (any of its kernels, or number index), then the centre of each block."""
    return _blurred(KernelFile(file=file, index=index, centred=centred), scale, levels)


def jpeg(*, scale: int, quality: tuple[int, int] = (30, 95), halved: float = 0.7) -> Degradation:
    """MATLAB's bicubic reduction, then JPEG."""
    return Chain((Imresize(scale=scale), Jpeg(quality=quality, halved=halved)))


def photo(
    *,
    scale: int,
    shares: tuple[float, float, float] = (0.5, 0.5, 0.9),
    blur: Span = (0.1, 0.6),
    noise: Span = (0.5, 8.0),
    quality: tuple[int, int] = (30, 95),
) -> Degradation:
    """The mild loss of ordinary photographs: what the shipped photo models were trained on."""
    return Photo(scale=scale, shares=shares, blur=blur, noise=noise, quality=quality)


def shuffled(
    *,
    scale: int,
    width: Span = (0.1, 3.0),
    noise: Span = (1.0, 25.0),
    quality: tuple[int, int] = (30, 95),
    codec: float = 0.9,
) -> Degradation:
    """Two blurs, reduction, noise and JPEG in any order, then JPEG: after Zhang et al. (BSRGAN), ICCV 2021."""
    blur = Blur(kernels=Mixed((Isotropic(width=width), Anisotropic(width=(max(width[0], 0.3), width[1])))))
    reduction = Choice(
        (
            Imresize(scale=scale, method="bilinear", levels=None),
            Imresize(scale=scale, levels=None),
            Blur(kernels=Isotropic(width=(0.1 * scale, 0.6 * scale)), scale=scale),
        )
    )
    grain = CorrelatedNoise(sigma=noise, width=(0.1, 0.6), between=(0.0, 1.0))
    stages = (blur, blur, reduction, grain, Maybe(Jpeg(quality=quality), codec))
    return Chain((Shuffled(stages), Jpeg(quality=quality)))


def second_order(
    *,
    scale: int,
    width: Span = (0.2, 3.0),
    second_width: Span = (0.2, 1.5),
    noise: Span = (1.0, 30.0),
    second_noise: Span = (1.0, 25.0),
    poisson: Span = (0.05, 3.0),
    second_poisson: Span = (0.05, 2.5),
    quality: tuple[int, int] = (30, 95),
    ringing: float = 0.8,
) -> Degradation:
    """Blur, resize, noise and JPEG twice over, then ringing: after Wang et al. (Real-ESRGAN), ICCVW 2021."""
    first = Round(before=_classical_blur(width), after=Chain((_grain(noise, poisson), Jpeg(quality=quality))))
    second = Round(
        before=Maybe(_classical_blur(second_width), 0.8),
        after=_grain(second_noise, second_poisson),
        base=1 / scale,
        up=(1.0, 1.2),
        down=(0.3, 1.0),
        shares=(0.3, 0.4, 0.3),
    )
    last = Maybe(Blur(kernels=Sinc()), ringing)
    rounds = HighOrder(scale=scale, rounds=(first, second), last=last, codec=Jpeg(quality=quality))
    return Chain((rounds, Quantise()))


def _blurred(kernels: Kernels, scale: int, levels: int) -> Degradation:
    return Chain((Blur(kernels=kernels, scale=scale), Quantise(levels=levels)))


def _classical_blur(width: Span) -> Degradation:
    """Real-ESRGAN's families of kernels with their shares; the kernel is always of 21 samples."""
    families: tuple[Kernels, ...] = (
        Isotropic(width=width),
        Anisotropic(width=width),
        Anisotropic(width=width, shape=(0.5, 4.0), isotropic=True),
        Anisotropic(width=width, shape=(0.5, 4.0)),
        Plateau(width=width, isotropic=True),
        Plateau(width=width),
        Sinc(cutoff=(math.pi / 5, math.pi)),
    )
    return Blur(kernels=Mixed(families, tuple(0.9 * s for s in (0.45, 0.25, 0.12, 0.03, 0.12, 0.03)) + (0.1,)))


def _grain(sigma: Span, strength: Span) -> Degradation:
    """Gaussian or shot noise, four in ten gray, clipped."""
    shot = PoissonNoise(peak=(256.0, 256.0), strength=strength, gray=0.4)
    return Chain((Choice((GaussianNoise(sigma=sigma, gray=0.4), shot)), Quantise()))


RECIPES: dict[str, Callable[..., Degradation]] = {
    "bicubic": bicubic,
    "bilinear": bilinear,
    "nearest": nearest,
    "subsample": subsample,
    "srcnn": srcnn,
    "blur-subsample": blur_subsample,
    "bicubic-noise": bicubic_noise,
    "gaussian8": gaussian8,
    "isotropic": isotropic,
    "anisotropic": anisotropic,
    "plateau": plateau,
    "motion": motion,
    "kernel-file": kernel_file,
    "jpeg": jpeg,
    "photo": photo,
    "shuffled": shuffled,
    "second-order": second_order,
}
