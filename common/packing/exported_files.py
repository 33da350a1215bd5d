"""The three kinds of file that a network is exported to: writing one, and running it."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

__all__ = [
    "forget_types",
    "load_exported",
    "save_torchscript",
    "write_onnx",
    "write_torch_export",
    "write_torchscript",
]

_OPSET = 20  # of 2023: the newest that older runtimes read
_ALWAYS = (1980, 1, 1, 0, 0, 0)
_NUMBERED = re.compile(rb"(___torch_mangle_)\d+")


def write_onnx(network: nn.Module, example: Tensor, shapes: dict[int, Any], file: Path) -> None:
    """Write ONNX, weights inside, by torch's newer exporter.

    Args:
        network: image -> maps, in evaluation mode.
        example: an image.
        shapes: the axes that are free, and what they are multiples of.
        file: what is written.
    """
    import onnx  # only who exports needs it

    program = torch.onnx.export(
        network, (example,), dynamo=True, dynamic_shapes=(shapes,), opset_version=_OPSET,
        input_names=["image"], output_names=["pred"], verbose=False,
    )  # fmt: skip
    assert program is not None  # it is with dynamo=False alone
    model = program.model_proto
    # Where each line of code lay on the machine that exported is nobody's business.
    for part in (model.graph, *model.functions):
        for node in part.node:
            del node.metadata_props[:]
            node.doc_string = ""
        del part.metadata_props[:]
    onnx.save(model, str(file))


def write_torchscript(network: nn.Module, example: Tensor, shapes: dict[int, Any], file: Path) -> None:
    """Write TorchScript by tracing; a network of one size refuses others, which a trace alone would not.

    Args:
        network: image -> maps, in evaluation mode.
        example: an image.
        shapes: the axes that are free.
        file: what is written.
    """
    forget_types()
    with torch.no_grad():
        traced = torch.jit.trace(network, example, check_trace=False)
        program = traced if 2 in shapes else torch.jit.script(_OneSize(traced, *example.shape[2:]))
    save_torchscript(program, file)


def forget_types() -> None:
    """Forget the types that the process has compiled, as torch's own tests do: later ones get other names."""
    torch._C._jit_clear_class_registry()
    torch.jit._recursive.concrete_type_store = torch.jit._recursive.ConcreteTypeStore()
    torch.jit._state._clear_class_state()


def save_torchscript(program: torch.jit.ScriptModule, file: Path) -> None:
    """Write a TorchScript whose bytes tell nothing of the process that wrote it.

    Args:
        program: traced or compiled.
        file: what is written.
    """
    memory = io.BytesIO()
    torch.jit.save(program, memory)
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as kept:
        for name, content in sorted(_lasting(memory).items()):
            kept.writestr(zipfile.ZipInfo(name, date_time=_ALWAYS), content)


def _lasting(program: io.BytesIO) -> dict[str, bytes]:
    """Return the files of a TorchScript without what tells of the process that wrote it.

    torch numbers the types that a process has traced, whatever they belong to; here they count from 0. The
    tables for debuggers, with the folders of the machine, are left out, as is the digest of all this.
    """
    with zipfile.ZipFile(program) as made:
        found = {
            name: made.read(name)
            for name in made.namelist()
            if not name.endswith((".debug_pkl", ".data/serialization_id"))
        }
    numbers: dict[bytes, bytes] = {}

    def renumbered(match: re.Match[bytes]) -> bytes:
        return numbers.setdefault(match[0], b"%s%d" % (match[1], len(numbers)))

    lasting = {}
    for name in sorted(found, key=lambda name: (not name.endswith("data.pkl"), name)):
        # Weights are no text: what looks like such a name in them is chance.
        is_text = name.endswith((".pkl", ".py"))
        lasting[name] = re.sub(_NUMBERED, renumbered, found[name]) if is_text else found[name]
    return {re.sub(_NUMBERED, renumbered, name.encode()).decode(): lasting[name] for name in found}


class _OneSize(nn.Module):
    """A traced network that refuses images of other sizes.

    Args:
        traced: the network.
        height: of the images.
        width: of the images.
    """

    def __init__(self, traced: nn.Module, height: int, width: int) -> None:
        super().__init__()
        self.traced, self.height, self.width = traced, height, width

    def forward(self, image: Tensor) -> Tensor:
        if image.shape[2] != self.height or image.shape[3] != self.width:
            raise ValueError(f"images must be {self.height} x {self.width} px: cut or pad them")
        return self.traced(image)


def write_torch_export(network: nn.Module, example: Tensor, shapes: dict[int, Any], file: Path) -> None:
    """Write a program of torch.export.

    Args:
        network: image -> maps, in evaluation mode.
        example: an image.
        shapes: the axes that are free, and what they are multiples of.
        file: what is written.
    """
    program = torch.export.export(network, (example,), dynamic_shapes=(shapes,), strict=False)
    for module in program.graph_module.modules():
        for node in getattr(getattr(module, "graph", None), "nodes", ()):
            node.meta.pop("stack_trace", None)
    memory = io.BytesIO()
    torch.export.save(program, memory)
    file.write_bytes(memory.getvalue())


def load_exported(file: Path) -> Callable[[Tensor], Tensor]:
    """Return an exported network as a function: image -> maps, on the CPU.

    Args:
        file: what one of the functions above has written, told by its suffix.
    """
    if file.suffix == ".onnx":
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4  # an error is raised as well
        options.intra_op_num_threads = torch.get_num_threads()
        session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])

        def run(image: Tensor) -> Tensor:
            return torch.from_numpy(np.asarray(session.run(None, {"image": image.numpy()})[0]))

        return run
    if file.suffix in (".ts", ".pt"):
        program: Any = torch.jit.load(str(file))
    else:
        program = torch.export.load(str(file)).module()

    def run_torch(image: Tensor) -> Tensor:
        with torch.no_grad():
            maps: Tensor = program(image)
        return maps

    return run_torch
