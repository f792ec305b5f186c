"""The names of all metrics and where each one stands: strings only, so that listing them loads nothing."""

METRICS: dict[str, str] = {
    "psnr": "superres.metrics.psnr:PSNR",
    "ssim": "superres.metrics.ssim:SSIM",
    "niqe": "superres.metrics.niqe:NIQE",
    "niqe-pirm": "superres.metrics.niqe:pirm",
    "piqe": "superres.metrics.piqe:PIQE",
    "brisque": "superres.metrics.brisque:BRISQUE",
    "nrqm": "superres.metrics.nrqm:NRQM",
    "nrqm-pirm": "superres.metrics.nrqm:pirm",
    "pi": "superres.metrics.perceptual_index:PerceptualIndex",
    "tv": "superres.metrics.total_variation:TotalVariation",
    "laplacian": "superres.metrics.sharpness:Sharpness",
    "tenengrad": "superres.metrics.sharpness:by_gradient",
}
