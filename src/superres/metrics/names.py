"""The names of all metrics and where each one stands: strings only, so that listing them loads nothing."""

METRICS: dict[str, str] = {
    "psnr": "superres.metrics.psnr:PSNR",
    "ssim": "superres.metrics.ssim:SSIM",
}
