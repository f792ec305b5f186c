"""onnxruntime: our graphs through ONNX, and ONNX files from elsewhere."""

from typing import Any, cast

import numpy as np

from superres.graph.graph import Graph
from superres.graph.radius import halo
from superres.types import BadModel, EngineUnavailable, Tile


class OnnxSession:
    """The content of an ONNX file, loaded. Raises BadModel where onnxruntime refuses it."""

    def __init__(self, content: bytes, *, device: str = "cpu", threads: int | None = None) -> None:
        ort = _import()
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads or 0
        options.log_severity_level = 4
        providers = ["CPUExecutionProvider"]
        if device == "gpu":
            providers = _gpu_providers(ort)
        try:
            self._session: Any = ort.InferenceSession(content, sess_options=options, providers=providers)
        except Exception as error:  # onnxruntime raises classes of its own, one per status
            raise BadModel(f"onnxruntime refuses the model: {_short(error)}") from error
        if device == "gpu" and self._session.get_providers()[0] == "CPUExecutionProvider":
            raise EngineUnavailable("onnxruntime could not start on the GPU; use --device cpu")
        self.inputs: list[tuple[str, str, list[Any]]] = [
            (one.name, one.type, list(one.shape)) for one in self._session.get_inputs()
        ]
        self.outputs: list[str] = [one.name for one in self._session.get_outputs()]
        self._half = bool(self.inputs) and self.inputs[0][1] == "tensor(float16)"

    def __call__(self, tile: Tile) -> Tile:
        array = np.ascontiguousarray(tile, dtype=np.float16 if self._half else np.float32)
        try:
            (result,) = self._session.run([self.outputs[0]], {self.inputs[0][0]: array})
        except Exception as error:  # as above
            raise EngineUnavailable(f"onnxruntime failed on a tile of shape {tile.shape}: {_short(error)}") from error
        return np.asarray(result, dtype=np.float32)


class OnnxRuntimeEngine:
    """A graph on onnxruntime."""

    def __init__(self, graph: Graph, *, device: str = "cpu", threads: int | None = None) -> None:
        _import()
        from superres.graph.onnx import write_onnx

        self.scale, self.halo = graph.scale, halo(graph)
        self._session = OnnxSession(write_onnx(graph), device=device, threads=threads)

    def __call__(self, tile: Tile) -> Tile:
        """(B, C, H, W) float32 -> (B, C, scale * H, scale * W)."""
        return self._session(tile)


def _import() -> Any:
    try:
        import onnxruntime
    except ImportError as error:
        raise EngineUnavailable(f"onnxruntime is not here ({error}); `pip install 'superres[onnx]'`") from error
    return cast(Any, onnxruntime)


def _gpu_providers(ort: Any) -> list[str]:
    wanted = ("CUDAExecutionProvider", "ROCMExecutionProvider", "DmlExecutionProvider", "CoreMLExecutionProvider")
    present = [name for name in wanted if name in ort.get_available_providers()]
    if not present:
        raise EngineUnavailable("this onnxruntime has no GPU support; install onnxruntime-gpu, or use --device cpu")
    return [present[0], "CPUExecutionProvider"]


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
