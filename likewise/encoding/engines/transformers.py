"""Any network that transformers knows, for what has no family here. Needs the torch extra."""

from collections.abc import Callable, Mapping
from typing import Any

from likewise.encoding.contract import Contract
from likewise.encoding.engines import EngineKind
from likewise.encoding.engines.torch import TorchEngine, best_device, describe_torch, torch_dtype
from likewise.errors import ModelError, UnknownNameError
from likewise.modelling.checkpoints import Checkpoint
from likewise.modelling.families import FAMILIES
from likewise.modelling.ops import Inputs
from likewise.modelling.ops.torch_ops import TorchOps
from likewise.modelling.parts import Scope
from likewise.modelling.tensors import read_tensors
from likewise.registry import require

torch: Any = require("torch", feature="the transformers engine", extra="torch")
transformers: Any = require("transformers", feature="the transformers engine", extra="torch")

_CLASSES = {
    None: "AutoModel",
    "masked_language": "AutoModelForMaskedLM",
    "classification": "AutoModelForSequenceClassification",
}


def _prepare(checkpoint: Checkpoint, contract: Contract, _record: Callable[[], bytes]) -> TorchEngine:
    device, dtype = best_device(), torch_dtype(contract.precision)
    model = _network(checkpoint, dtype).to(device).eval()
    ops: Any = TorchOps(device=device, dtype=dtype)
    weights = {name: value.to(device, dtype) for name, value in _step_weights(checkpoint).items()}

    def run(inputs: Inputs[Any]) -> Any:
        given = {"input_ids": inputs.ids, "attention_mask": inputs.mask}
        if inputs.segments is not None:
            given["token_type_ids"] = inputs.segments
        output = model(**given)
        x = output.last_hidden_state if checkpoint.chain.head is None else output.logits
        for i, link in enumerate(checkpoint.chain.links):
            x = link.step.apply(Scope(ops, weights, f"steps.{i}"), x, inputs)
        return x

    return TorchEngine(run, device=device)


def _network(checkpoint: Checkpoint, dtype: Any) -> Any:
    """The class that transformers has for the checkpoint; never code that comes with it."""
    if checkpoint.config.get("model_type") not in transformers.CONFIG_MAPPING:
        unknown = UnknownNameError("model family", checkpoint.architecture, FAMILIES.names())
        raise ModelError(f"{unknown} transformers {transformers.__version__} does not know it either")
    maker = getattr(transformers, _CLASSES[checkpoint.chain.head])
    options = {"trust_remote_code": False, "local_files_only": True, "use_safetensors": True, "dtype": dtype}
    return maker.from_pretrained(str(checkpoint.network), **options)


def _step_weights(checkpoint: Checkpoint) -> Mapping[str, Any]:
    found: dict[str, Any] = {}
    for i, link in enumerate(checkpoint.chain.links):
        keys = link.step.keys()
        tensors = read_tensors(checkpoint.folder / link.path).as_float32() if keys else {}
        found |= {f"steps.{i}.{ours}": torch.tensor(tensors[theirs]) for ours, theirs in keys.items()}
    return found


def _load(_blob: bytes, checkpoint: Checkpoint, contract: Contract) -> TorchEngine:
    return _prepare(checkpoint, contract, lambda: b"")


def _describe() -> dict[str, str]:
    return {**describe_torch(), "transformers": str(transformers.__version__)}


PLUGIN = EngineKind(precisions=("float32", "float16", "bfloat16"), describe=_describe, prepare=_prepare, load=_load)
