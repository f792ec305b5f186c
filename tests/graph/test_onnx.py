"""Our ONNX files: well-formed by onnx's checker, and computed by onnxruntime as the torch interpreter computes."""

import numpy as np
import pytest
from nets import NETS

from superres.graph.onnx import write_onnx

onnx = pytest.importorskip("onnx")


@pytest.mark.parametrize("name", NETS)
def test_onnx_computes_what_torch_does(name):
    onnxruntime = pytest.importorskip("onnxruntime")
    torch_engine = pytest.importorskip("superres.runtime.engines.torch")
    net = NETS[name]()
    content = write_onnx(net)
    onnx.checker.check_model(onnx.load_from_string(content), full_check=True)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    engine = torch_engine.TorchEngine(net, threads=1)
    for shape in ((1, 3, 20, 28), (2, 3, 12, 16), (1, 3, 92, 60)):  # sizes and batch are free
        x = np.random.default_rng(5).random(shape, np.float32)
        (found,) = session.run(["output"], {"input": x})
        np.testing.assert_allclose(found, engine(x), atol=1e-4)


def test_the_file_says_what_is_free():
    model = onnx.load_from_string(write_onnx(NETS["chain"]()))
    sides = [side.dim_param or side.dim_value for side in model.graph.input[0].type.tensor_type.shape.dim]
    assert sides == ["batch", 3, "height", "width"]
    assert [entry.version for entry in model.opset_import] == [17]
