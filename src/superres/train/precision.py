"""Which precision the hardware multiplies natively; anything else would be slower than float32, often 50 times."""

import torch

from superres.terms.run import Precision


def native(precision: Precision, device: torch.device) -> bool:
    """Whether ``device`` has this precision in hardware."""
    if precision == "float32":
        return True
    if device.type == "cuda":
        wanted = (8, 0) if precision == "bf16" else (7, 0)
        return torch.cuda.get_device_capability(device) >= wanted
    if device.type == "cpu" and precision == "bf16":
        return _cpu_has("_is_avx512_bf16_supported") or _cpu_has("_is_amx_tile_supported")
    return False


def _cpu_has(question: str) -> bool:
    """Asked under a private name, which not every torch has."""
    ask = getattr(torch.cpu, question, None)
    return bool(ask()) if callable(ask) else False


def chosen(precision: Precision, device: torch.device) -> tuple[Precision, str]:
    """The precision that is used, and a sentence where it is not the one asked for."""
    if native(precision, device):
        return precision, ""
    return "float32", f"{precision} is not native on this {device.type} device, so everything runs in float32"
