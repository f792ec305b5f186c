"""What ncnn computes from our files, against the torch interpreter."""

import numpy as np
import pytest
from nets import NETS, Build, cells, chain, stretched

from superres.graph.ncnn import write_ncnn
from superres.types import BadRequest

ncnn = pytest.importorskip("ncnn")


def _run(graph, x):
    param, weights = write_ncnn(graph, size=(x.shape[3], x.shape[2]))
    net = ncnn.Net()
    for option in ("use_fp16_packed", "use_fp16_storage", "use_fp16_arithmetic", "use_bf16_storage"):
        setattr(net.opt, option, False)
    net.opt.num_threads = 1
    net.opt.use_vulkan_compute = False
    assert net.load_param_mem(param.decode()) == 0
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "net.bin"
        place.write_bytes(weights)
        assert net.load_model(str(place)) == 0
    extractor = net.create_extractor()
    picture = np.ascontiguousarray(x[0])  # must outlive the Mat
    assert extractor.input("in0", ncnn.Mat(picture)) == 0
    status, out = extractor.extract("out0")
    assert status == 0
    return np.array(out)[None]


@pytest.mark.parametrize("size", [(20, 28), (24, 16), (16, 76)])
@pytest.mark.parametrize("name", NETS)
def test_ncnn_computes_what_torch_does(name, size):
    torch_engine = pytest.importorskip("superres.runtime.engines.torch")
    net = NETS[name]()
    x = np.random.default_rng(5).random((1, 3, *size), np.float32)
    wanted = torch_engine.TorchEngine(net, threads=1)(x)
    found = _run(net, x)
    assert found.shape == wanted.shape
    assert wanted.std() > 0.05  # a net whose output says something
    np.testing.assert_allclose(found, wanted, atol=1e-4)


def test_activations_are_fused_only_where_nothing_else_reads():
    text = write_ncnn(chain(depth=1))[0].decode()
    assert "ReLU" not in text
    assert text.count("9=2 -23310=1,1.000000000e-01") == 2
    build = Build()
    start = build.conv(3, 3)
    build.add("add", (build.add("relu", start), start))
    text = write_ncnn(build.graph(1))[0].decode()
    assert "ReLU" in text
    assert "9=1" not in text


def test_parts_of_the_picture_are_written_for_one_size_which_the_input_tells():
    with pytest.raises(BadRequest, match="--size"):
        write_ncnn(cells())
    assert b"Input input0 0 1 in0 0=28 1=20 2=3\n" in write_ncnn(cells(), size=(28, 20))[0]
    assert write_ncnn(stretched(), size=(28, 20)) == write_ncnn(stretched())


def test_counts_in_the_head_are_those_of_the_layers():
    for make in NETS.values():
        head, counts, *lines = write_ncnn(make(), size=(28, 20))[0].decode().splitlines()
        layers, blobs = map(int, counts.split())
        assert (head, layers) == ("7767517", len(lines))
        assert blobs == sum(int(line.split()[3]) for line in lines)
        read = [name for line in lines for name in line.split()[4 : 4 + int(line.split()[2])]]
        assert len(read) == len(set(read))


def test_a_graph_whose_output_is_also_read_inside():
    build = Build()
    out = build.conv(3, 3)
    build.add("relu", out)
    build.at = out
    x = np.random.default_rng(5).random((1, 3, 5, 7), np.float32)
    assert _run(build.graph(1), x).shape == (1, 3, 5, 7)
