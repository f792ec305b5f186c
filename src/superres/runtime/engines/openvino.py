"""OpenVINO: our graphs through ONNX, on Intel's and other CPUs."""

from typing import Any, cast

import numpy as np

from superres.graph.graph import Graph
from superres.graph.radius import halo
from superres.types import BadModel, EngineUnavailable, Tile


class OpenVinoEngine:
    """A graph on OpenVINO, in float32 also where the CPU would offer bfloat16."""

    def __init__(self, graph: Graph, *, device: str = "cpu", threads: int | None = None) -> None:
        openvino = _import()
        from superres.graph.onnx import write_onnx

        self.scale, self.halo = graph.scale, halo(graph)
        core = openvino.Core()
        if device == "gpu" and not any(name.startswith("GPU") for name in core.available_devices):
            raise EngineUnavailable("OpenVINO sees no GPU; use --device cpu")
        settings: dict[str, Any] = {"INFERENCE_PRECISION_HINT": "f32"}
        if device != "gpu":
            settings["INFERENCE_NUM_THREADS"] = threads or 0
        try:
            model = core.read_model(write_onnx(graph))
            compiled: Any = core.compile_model(model, device.upper(), settings)
        except RuntimeError as error:
            raise BadModel(f"OpenVINO refuses the model: {' '.join(str(error).split())[:200]}") from error
        self._compiled = compiled

    def __call__(self, tile: Tile) -> Tile:
        """(B, C, H, W) float32 -> (B, C, scale * H, scale * W)."""
        request = self._compiled.create_infer_request()  # one per call, so that threads may share the engine
        result = request.infer([np.ascontiguousarray(tile, dtype=np.float32)])
        return np.array(result[0], dtype=np.float32)


def _import() -> Any:
    try:
        import openvino
    except ImportError as error:
        raise EngineUnavailable(f"openvino is not here ({error}); `pip install 'superres[openvino]'`") from error
    return cast(Any, openvino)
