"""SEC004 over JSON and YAML that name code for a loader to run, however they write it; beside texts that only look so."""

from __future__ import annotations

import gzip
import json
import time
import zipfile

import pytest
from builders import check, view
from tensors.hostile import tarred, torch_zip, zipped

from hubkit.validate import code_files
from hubkit.validate.code_files import LONGEST_YAML
from hubkit.validate.finding import Severity

ERROR, WARNING, NOTE = Severity.ERROR, Severity.WARNING, Severity.NOTE
TOLD: dict[str, tuple[str, str, Severity]] = {
    "tokenizer": ("tokenizer_config.json", '{"auto_map": {"AutoTokenizer": ["a--b.C", null]}}', WARNING),
    "processor": ("sub/preprocessor_config.json", '{"auto_map": {"AutoProcessor": "p.P"}}', WARNING),
    "deep": ("model.json", '{"a": [{"b": {"auto_map": {"AutoModel": "p.P"}}}]}', WARNING),
    "pipelines": ("config.json", '{"custom_pipelines": {"x": {"impl": "m.P"}}}', WARNING),
    "escaped": ("config.json", '{"\\u0061uto_map": {"AutoModel": "p.P"}}', WARNING),
    "twice": ("config.json", '{"auto_map": {"AutoModel": "p.P"}, "auto_map": null}', WARNING),
    "BOM": ("config.json", '\ufeff{"auto_map": {"AutoModel": "p.P"}}', WARNING),
    "yaml": ("config.yaml", "a: 1\nauto_map:\n  AutoModel: p.P\n", WARNING),
    "hydra": ("conf/model.yaml", "model:\n  _target_: os.system\n  command: id\n", ERROR),
    "hydra in flow": ("a.yml", "{model: {'_target_': builtins.eval}}", ERROR),
    "hydra, escaped": ("a.yml", '"\\x5ftarget_": subprocess.run\n', ERROR),
    "hydra in JSON": ("a.json", '{"_target_": "os.system"}', ERROR),
    "hydra, harmless": ("a.yaml", "_target_: mypackage.model.SAE\n", NOTE),
    "jsonpickle": ("a.json", '{"py/reduce": [{"py/function": "os.system"}, {"py/tuple": ["id"]}]}', ERROR),
    "jsonpickle's type": ("a.json", '{"py/object": "mypackage.Thing", "x": 1}', NOTE),
    "jsonpickle's expression": ("a.json", '{"py/repr": "os/os.getpid()"}', ERROR),
    "keras": ("model.json", '{"config": {"layers": [{"class_name": "Lambda", "config": {"function": ["4wEA"]}}]}}', WARNING),
    "keras 3": ("config.json", '{"class_name": "__lambda__", "config": {"value": "4wEA"}}', WARNING),
    "jsonpickle, a line of many": ("data.jsonl", '{"a": 1}\n{"py/reduce": [{"py/function": "os.system"}]}\n', ERROR),
    "jsonpickle, ndjson": ("data.ndjson", '{"py/object": "subprocess.Popen"}', ERROR),
    "keras by its module": ("model.json", '{"module": "subprocess", "class_name": "Popen", "config": {"args": "id"}, "registered_name": null}', ERROR),
    "keras's function": ("model.json", '{"class_name": "function", "config": "system", "module": "os", "registered_name": "system"}', ERROR),
    "keras switched unsafe": ("config.json", '{"module": "keras.config", "class_name": "enable_unsafe_deserialization", "config": {}}', ERROR),
    "keras fetches": ("config.json", '{"class_name": "function", "config": "get_file", "module": "keras.utils", "registered_name": "get_file"}', ERROR),
    "keras of torch": ("config.json", '{"class_name": "TorchModuleWrapper", "config": {"module": "gAJ9Lg=="}}', WARNING),
    "keras of tensorflow": ("config.json", '{"class_name": "TFSMLayer", "config": {"filepath": "x"}}', WARNING),
    "keras of somebody's": ("config.json", '{"module": "my_pkg.layers", "class_name": "SAE", "config": {}}', NOTE),
    "kernel": ("config.json", '{"model_type": "llama", "attn_implementation": "someone/kernel"}', WARNING),
    "kernel of a part": ("config.json", '{"_attn_implementation": {"": "sdpa", "vision": "someone/kernel@v1:flash"}}', WARNING),
    "kernel of experts": ("config.yaml", "experts_implementation: someone/kernel\n", WARNING),
    "kernel, inside": ("config.json", '{"_attn_implementation_internal": "someone/kernel"}', WARNING),
    "kernel, wrapped": ("config.json", '{"model_type": "llama", "attn_implementation": "flash|evil/kernels:fn"}', WARNING),
    "sparsify": ("layers.9/cfg.json", '{"k": 8, "d_in": 576, "_type_": "subprocess.Popen", "args": "id"}', ERROR),
    "sparsify, pytest": ("layers.9/cfg.json", '{"k": 8, "d_in": 576, "_type_": "pytest.main"}', ERROR),
    "sparsify, somebody's": ("layers.9/cfg.json", '{"k": 8, "d_in": 576, "_type_": "evil.Config"}', NOTE),
    "pyannote": ("config.yaml", "version: 3.1.0\npipeline:\n  name: subprocess.Popen\n  params: {args: [id]}\n", ERROR),
    "pyannote, no parameters": ("config.yaml", "pipeline:\n  name: os.system\n", ERROR),
    "pyannote's preprocessor": ("config.yaml", "pipeline: {name: pyannote.audio.X}\npreprocessors:\n  x: {name: os.system, params: {command: id}}\n", ERROR),
    "pyannote's, no parameters": ("config.yaml", "preprocessors:\n  x: {name: os.system}\n", ERROR),
    "router": ("router_config.json", '{"types": {"0": "os.system"}, "structure": {"query": ["0"]}}', ERROR),
    "router, somebody's": ("router_config.json", '{"types": {"0": "evilpkg.T"}, "structure": {"query": ["0"]}}', NOTE),
    "tokenizer of words": ("wordembedding_config.json", '{"tokenizer_class": "subprocess.Popen"}', ERROR),
    "tokenizer of words, somebody's": ("wordembedding_config.json", '{"tokenizer_class": "evilpkg.T"}', NOTE),
    "tiny agent": ("agent.json", '{"model": "x", "servers": [{"type": "stdio", "command": "bash", "args": ["-c", "id"]}]}', WARNING),
    "tiny agent of before": ("agent.json", '{"model": "x", "servers": [{"type": "stdio", "config": {"command": "bash", "args": ["-c", "id"]}}]}', WARNING),
    "MCP in TOML": ("config.toml", '[mcp_servers.x]\ncommand = "bash"\n', WARNING),
    "MCP": ("mcp.json", '{"mcpServers": {"x": {"command": "bash"}}}', WARNING),
    "mlx-lm": ("config.json", '{"model_type": "x", "model_file": "arch.py"}', WARNING),
    "smolagents": ("agent.json", '{"tools": [{"name": "t", "code": "import os\\nclass T: pass"}]}', WARNING),
    "kernel of transformers": ("config.json", '{"attn_implementation": "kernels-community/flash-attn"}', NOTE),
    "PEFT": ("adapter_config.json", '{"auto_mapping": {"base_model_class": "X", "parent_library": "antigravity"}}', ERROR),
    "PEFT, somebody's": ("adapter_config.json", '{"auto_mapping": {"base_model_class": "X", "parent_library": "mypackage"}}', NOTE),
    "diffusers": ("model_index.json", '{"_class_name": ["my_pipeline", "P"], "unet": ["my_unet", "X"]}', WARNING),
    "skops": ("schema.json", '{"__class__": "Popen", "__module__": "subprocess", "__loader__": "ObjectNode", "content": {}}', ERROR),
    "hydra unpickles": ("a.yaml", "m: {_target_: torch.load, f: a.pt, weights_only: false}\n", WARNING),
    "hydra unpickles, in JSON": ("a.json", '{"_target_": "numpy.load", "file": "a.npy", "allow_pickle": true}', WARNING),
    "hydra loads tensors": ("a.yaml", "m: {_target_: torch.load, f: a.pt, weights_only: true}\n", NOTE),
    "hydra finds": ("a.yaml", "m: {_target_: hydra.utils.get_method, path: os.system}\n", ERROR),
    "hydra finds the first": ("a.json", '{"_target_": "hydra.utils.get_object", "_args_": ["subprocess.run"]}', ERROR),
    "hydra finds an activation": ("a.yaml", "m: {_target_: hydra.utils.get_method, path: torch.nn.functional.relu}\n", NOTE),
    "hydra writes": ("a.yaml", "m: {_target_: numpy.savetxt, fname: a.pth, X: [import os]}\n", ERROR),
    "hydra writes text": ("a.yaml", "m: {_target_: pathlib.Path.write_text, _args_: [a, b]}\n", ERROR),
    "hydra names a path": ("a.yaml", "m: {_target_: pathlib.Path, _args_: [a]}\n", NOTE),
    "hydra fetches to a home": ("a.yaml", "m: {_target_: huggingface_hub.snapshot_download, repo_id: a/b, local_dir: ~/.config}\n", ERROR),
    "hydra fetches above": ("a.yaml", "m: {_target_: huggingface_hub.hf_hub_download, repo_id: a/b, filename: c, local_dir: x/../../y}\n", ERROR),
    "hydra fetches": ("a.yaml", "m: {_target_: huggingface_hub.hf_hub_download, repo_id: a/b, filename: c, local_dir: ckpt/v..2}\n", NOTE),
    "Lightning finds": ("a.yaml", "m: {class_path: hydra.utils.get_class, init_args: {path: subprocess.Popen}}\n", ERROR),
    "hydra switches Keras unsafe": ("a.json", '{"_target_": "keras.models.load_model", "filepath": "a.keras", "safe_mode": false}', WARNING),
    "hydra in TOML": ("a.toml", '[model]\n_target_ = "os.system"\ncommand = "id"\n', ERROR),
    "hydra by an anchor": ("a.yaml", "x: &x os.system\nm: {_target_: *x}\n", ERROR),
    "hydra by an anchor of the key": ("a.yaml", "x: &k _target_\nm: {*k : os.system}\n", ERROR),
    "hydra put together": ("a.yaml", "cmd: {name: system}\nm: {_target_: 'os.${cmd.name}'}\n", ERROR),
    "hydra put together of parts": ("a.json", '{"b": "${c}", "c": "subprocess.run", "m": {"_target_": "${b}"}}', ERROR),
    "a second document": ("a.yaml", "a: 1\n---\n_target_: os.system\n", ERROR),
    "Lightning": ("config.yaml", "model:\n  class_path: subprocess.Popen\n  init_args: {args: id}\n", ERROR),
    "Lightning's trainer": ("config.json", '{"trainer": {"callbacks": [{"class_path": "os.system"}]}}', ERROR),
    "torchtune": ("recipe.yaml", "model:\n  _component_: os.system\n", ERROR),
    "MONAI's target": ("configs/inference.json", '{"network_def": {"_target_": "subprocess.run", "args": "id"}}', ERROR),
    "MONAI's expression": ("configs/inference.json", '{"imports": ["$import os"], "run": ["$os.system(\'id\')"]}', ERROR),
    "MONAI in YAML": ("configs/train.yaml", "initialize: $__import__('os').system('id')\n", ERROR),
    "MONAI's attributes": ("a.json", '{"x": "$().__class__.__base__.__subclasses__()"}', ERROR),
    "Haystack": ("pipeline.yaml", "components:\n  a:\n    type: subprocess.Popen\n    init_parameters: {args: id}\n", ERROR),
    "Haystack's callback": ("pipeline.yml", "init_parameters:\n  streaming_callback: os.system\ntype: haystack.X\n", ERROR),
    "mmengine": ("config.json", '{"model": {"type": "os.system", "command": "id"}}', ERROR),
    "latent diffusion": ("v1-inference.yaml", "model:\n  target: subprocess.call\n  params: {args: id}\n", ERROR),
    "AutoGen": ("agent.json", '{"provider": "subprocess.Popen", "config": {"args": "id"}}', ERROR),
    "logging": ("logging.yaml", "handlers:\n  a:\n    (): os.system\n", ERROR),
    "fiddle": ("config.json", '{"objects": {"a": {"type": {"type": "pyref", "module": "subprocess", "name": "Popen"}}}}', ERROR),
    "fiddle by a merge": ("config.yaml", "a: &a {type: pyref, module: os}\nb: {<<: *a, name: system}\n", ERROR),
    "langchain": ("chain.json", '{"lc": 1, "type": "constructor", "id": ["subprocess", "Popen"], "kwargs": {"args": "id"}}', ERROR),
    "sentence-transformers": ("modules.json", '[{"idx": 0, "name": "0", "path": "", "type": "os.system"}]', ERROR),
    "sentence-transformers, Dense": ("2_Dense/config.json", '{"in_features": 2, "out_features": 2, "activation_function": "os.abort"}', ERROR),
    "sentence-transformers, CrossEncoder": ("config.json", '{"sentence_transformers": {"activation_fn": "webbrowser.open"}}', ERROR),
    "sentence-transformers, CrossEncoder of old": ("config.json", '{"sbert_ce_default_activation_function": "os.abort"}', ERROR),
    "sentence-transformers, its own": ("modules.json", '[{"idx": 0, "name": "0", "path": "", "type": "custom_st.Transformer"}]', NOTE),
    "MLflow": ("MLmodel", "flavors:\n  python_function:\n    loader_module: antigravity\n", ERROR),
    "MLflow, somebody's": ("m/MLmodel", "flavors: {python_function: {loader_module: my.loader}}\n", NOTE),
    "HyperPyYAML": ("hyperparams.yaml", "a: !apply:os.system [id]\n", ERROR),
    "HyperPyYAML's new": ("hyperparams.yaml", "a: !new:subprocess.Popen\n  args: id\n", ERROR),
    "HyperPyYAML by a handle": ("hyperparams.yaml", "%TAG !e! !apply:\n---\na: !e!os.system [id]\n", ERROR),
    "HyperPyYAML, escaped": ("hyperparams.yaml", "a: !%61pply:os.system [id]\n", ERROR),
    "HyperPyYAML, harmless": ("hyperparams.yaml", "a: !new:speechbrain.nnet.X\n  b: 1\n", NOTE),
    "lm-eval": ("task.yaml", "process_docs: !function utils.process\n", NOTE),
    "YOLO's arguments": ("yolov5s.yaml", "nc: 80\nbackbone:\n  - [-1, 1, Conv, [64, \"__import__('os').system('id')\"]]\nhead: []\n", ERROR),
    "YOLO's module": ("yolov7.yaml", "backbone: [[-1, 1, Conv, [64]]]\nhead:\n  - [-1, 1, \"exec('import os')\", []]\n", ERROR),
    "YOLO in JSON": ("model.json", '{"backbone": [[-1, 1, "os.system(\'id\')", []]], "head": []}', ERROR),
    "YOLO, an expression": ("yolov5s.yaml", "backbone: [[-1, 1, '(lambda *_: f())', [64]]]\nhead: []\n", WARNING),
    "promptfoo's command": ("promptfooconfig.yaml", "prompts: [hi]\nproviders:\n  - 'exec: bash run.sh'\n", WARNING),
    "promptfoo's script": ("evals.yaml", "prompts: ['file://p.txt']\nproviders:\n  - id: file://provider.py:call\n", WARNING),
    "promptfoo's assertion": ("promptfooconfig.yaml", "prompts: [hi]\nproviders: ['openai:gpt-5']\ntests:\n  - assert: [{type: javascript, value: 'process.exit()'}]\n", WARNING),
    "Dask": ("distributed.yaml", "distributed:\n  worker:\n    preload: [my.setup]\n", WARNING),
    "Dask, a program": ("dask.json", '{"distributed": {"scheduler": {"preload": "__import__(\'os\').system(\'id\')"}}}', ERROR),
    "AutoGen's function": ("tool.json", '{"provider": "autogen_core.tools.FunctionTool", "component_type": "tool", "config": {"source_code": "def f(): pass", "name": "f"}}', WARNING),
    "AutoGen's server": ("team.json", '{"provider": "autogen_ext.tools.mcp.StdioServerParams", "config": {"command": "bash", "args": ["-c", "id"]}}', WARNING),
    "AutoGen's workbench": ("team.json", '{"provider": "autogen_ext.tools.mcp.McpWorkbench", "config": {"server_params": {"type": "StdioServerParams", "command": "bash"}}}', WARNING),
    "Haystack's filters": ("p.yaml", "components:\n  a:\n    init_parameters:\n      template: \"{{ 'id' | sh }}\"\n      custom_filters: {sh: os.system}\n", ERROR),
    "PEFT's Megatron": ("adapter_config.json", '{"peft_type": "LORA", "megatron_core": "antigravity"}', ERROR),
    "Lightning's instantiator": ("hparams.yaml", "_instantiator: os.system\nlr: 1\n", ERROR),
    "diffusers' parts": ("model_index.json", '{"_class_name": "P", "_diffusers_version": "0.35.1", "scheduler": ["os", "system"]}', ERROR),
    "Langflow": ("flow.json", '{"nodes": [{"data": {"node": {"template": {"code": {"type": "code", "value": "import os"}}}}}]}', WARNING),
    "jsonnet": ("config.jsonnet", 'local x = 1;\n{"model": {"type": "subprocess.Popen", "args": ["id"]}}', ERROR),
    "jsonnet, plain keys": ("config.jsonnet", 'local x = 1;\n{\n  model: {\n    type: "subprocess.Popen",\n  }}', ERROR),
    "psutil": ("a.yaml", "_target_: psutil.Popen\n", ERROR),
    "sympy": ("a.yaml", "_target_: sympy.sympify\n", ERROR),
    "urllib": ("a.yaml", "_target_: urllib.request.urlretrieve\n", ERROR),
    "torchrun": ("a.yaml", "_target_: torch.distributed.run.main\n", ERROR),
    "torch's own": ("a.yaml", "a: {_target_: torch.distributed.init_process_group}\n", NOTE),
    "os.unlink": ("a.yaml", "_target_: os.unlink\n", ERROR),
    "keras, escaped": ("config.json", '{"class\\u005fname": "\\u004cambda"}', WARNING),
}  # fmt: skip


@pytest.mark.parametrize("name", TOLD)
def test_code_that_a_text_names_is_told(name: str) -> None:
    path, text, severity = TOLD[name]
    (finding,) = check(view(files={path: text.encode()}), "SEC004").findings
    assert (finding.path, finding.severity) == (path, severity)
    if name == "yaml":
        assert finding.line == 2


LONG = "x" * (LONGEST_YAML + 1)
NOT_IN_PIECES = ("hydra put together of parts", "skops", "keras by its module", "keras's function", "keras switched unsafe", "keras fetches")  # fmt: skip


@pytest.mark.parametrize("name", [name for name, one in TOLD.items() if one[2] is not NOTE])
def test_a_text_may_be_as_long_as_it_likes(name: str) -> None:
    """Before it, behind it, or its own object of more than is read in one piece: told as severely, or the report is incomplete."""
    path, text, severity = TOLD[name]
    if path.endswith(("l", "d")) and not text.lstrip("\ufeff").startswith(("{", "[")):
        forms = [f"{text}\n# {LONG}\n"] if "---" not in text else []
    elif path.endswith((".jsonl", ".ndjson")):
        forms = [f'{{"filling": "{LONG}"}}\n{text}', f'{text}\n{{"filling": "{LONG}"}}']
    elif path.endswith(".json"):
        text = text.lstrip("\ufeff")
        forms = [f'{{"filling": "{LONG}", "a": {text}}}', f'{{"a": {text}, "filling": "{LONG}"}}']
        if text.startswith("{") and name not in NOT_IN_PIECES:
            forms.append(f'{{"filling": "{LONG}", {text[1:]}')
    else:
        return
    for long in forms:
        report = check(view(files={path: long.encode()}), "SEC004")
        assert [one.severity for one in report.findings if one.code == "SEC004"] == [
            severity
        ] or not report.complete


HEALTHY = {
    "sparsify": ("layers.9/cfg.json", '{"k": 8, "d_in": 576, "_type_": "sparsify.config.SparseCoderConfig"}'),
    "pyannote": ("config.yaml", "version: 3.1.0\npipeline:\n  name: pyannote.audio.pipelines.SpeakerDiarization\n  params: {clustering: X}\npreprocessors:\n  audio: {name: pyannote.audio.core.io.Audio, params: {sample_rate: 16000}}\n"),
    "router": ("router_config.json", '{"types": {"query_0": "sentence_transformers.models.Transformer.Transformer"}, "structure": {"query": ["query_0"]}}'),
    "tokenizer of words": ("wordembedding_config.json", '{"tokenizer_class": "sentence_transformers.models.tokenizer.WhitespaceTokenizer.WhitespaceTokenizer"}'),
    "tokenizer": ("tokenizer_config.json", '{"tokenizer_class": "PreTrainedTokenizerFast"}'),
    "servers of an API": ("openapi.json", '{"servers": [{"url": "https://a.b"}], "tools": [{"name": "x", "description": "code"}], "types": ["os"]}'),
    "a file of weights": ("config.json", '{"model_type": "x", "model_file": "model.safetensors"}'),
    "a file of another program": ("hparams.yaml", "model_file: train.py\nname: os\nparams: {a: 1}\n"),
    "a function of a data set": ("tools.json", '{"tools": [{"type": "function", "function": {"name": "get_weather", "parameters": {}}}]}'),
    "YOLO": ("yolov5s.yaml", "nc: 80\nanchors: 3\nbackbone:\n  - [-1, 1, Conv, [64, 6, 2, 2]]\nhead:\n  - [-1, 1, nn.Upsample, [None, 2, 'nearest']]\n  - [[17, 20], 1, Detect, [nc, anchors]]\n"),
    "another backbone": ("model.yaml", "backbone: {name: resnet50}\nhead: [a, b]\nproviders: [x]\npreload: [y]\n"),
    "promptfoo": ("promptfooconfig.yaml", "prompts: ['file://p.txt', 'Use exec: to run it']\nproviders: ['openai:gpt-5', 'huggingface:text-generation:gpt2']\ntests: [{assert: [{type: contains, value: x}]}]\n"),
    "Dask": ("distributed.yaml", "distributed:\n  worker:\n    memory: {target: 0.6}\n    preload: []\n"),
    "AutoGen": ("agent.json", '{"provider": "autogen_agentchat.agents.AssistantAgent", "component_type": "agent", "config": {"name": "a", "tools": []}}'),
    "Haystack's filters": ("p.yaml", "custom_filters: {up: builtins.str.upper}\n"),
    "PEFT's Megatron": ("adapter_config.json", '{"peft_type": "LORA", "megatron_config": null, "megatron_core": "megatron.core"}'),
    "Lightning's instantiator": ("hparams.yaml", "_instantiator: lightning.pytorch.cli.instantiate_module\nlr: 1\n"),
    "diffusers' parts": ("model_index.json", '{"_class_name": "StableDiffusionPipeline", "_diffusers_version": "0.35.1", "scheduler": ["diffusers", "DDIMScheduler"], "safety_checker": ["stable_diffusion", "X"], "image_encoder": [null, null]}'),
    "code of another kind": ("flow.json", '{"code": {"type": "str", "value": "x"}, "source_code": "https://github.com/a/b"}'),
    "attention": ("config.json", '{"attn_implementation": "paged|flash_attention_2"}'),
}  # fmt: skip


@pytest.mark.parametrize("name", HEALTHY)
def test_what_programs_write_themselves_is_left_alone(name: str) -> None:
    path, text = HEALTHY[name]
    assert check(view(files={path: text.encode()}), "SEC004").findings == []
    if path.endswith(".json") and text.startswith("{"):
        long = check(view(files={path: f'{{"filling": "{LONG}", "a": {text}}}'.encode()}), "SEC004")
        assert long.findings == []
        assert long.complete


def test_nothing_benign_hides_the_file_behind_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Eighteen tokenizers stand before a configuration in the alphabet; beyond the budget the report says what was not read."""
    tokenizer = b'{"model": {"type": "BPE", "vocab": {' + b'"a": 1, ' * 300_000 + b'"tools": 2}}}'
    files = {f"a-{n:02}/tokenizer.json": tokenizer for n in range(3)}
    files["run/config.json"] = b'{"_target_": "os.system", "command": "id"}'
    monkeypatch.setattr(code_files, "MOST_OTHERS", 10 * len(tokenizer))
    report = check(view(files=files), "SEC004")
    assert [(one.path, one.severity) for one in report.findings] == [("run/config.json", ERROR)]
    monkeypatch.setattr(code_files, "MOST_OTHERS", 2 * len(tokenizer))
    report = check(view(files=files), "SEC004")
    assert not report.complete
    assert any("run/config.json" in one.message for one in report.findings)


PACK = {
    "a.zip": lambda name, data: zipped((name, b"x"), (f"conf/{name}", data)),
    "deflated.zip": lambda name, data: zipped((name, data), method=zipfile.ZIP_DEFLATED),
    "model.nemo": lambda name, data: tarred((f"./{name}", data)),
    "old.nemo": lambda name, data: gzip.compress(tarred((name, data), ("weights.ckpt", torch_zip(b"\x80\x02}.")))),
    "deep.zip": lambda name, data: zipped(("in.tgz", gzip.compress(tarred((name, data))))),
}  # fmt: skip


@pytest.mark.parametrize("pack", PACK)
@pytest.mark.parametrize("name", TOLD)
def test_code_that_a_packed_text_names_is_told(name: str, pack: str) -> None:
    path, text, severity = TOLD[name]
    files = {pack: PACK[pack](path.rpartition("/")[2], text.encode())}
    (finding,) = check(view(files=files), "SEC004").findings
    assert (finding.path, finding.severity) == (pack, severity)
    assert path.rpartition("/")[2] in finding.message


@pytest.mark.parametrize("pack", PACK)
@pytest.mark.parametrize("name", ["hydra in JSON", "jsonpickle", "PEFT", "tokenizer", "Lightning"])
def test_a_packed_text_may_be_as_long_as_it_likes(name: str, pack: str) -> None:
    path, text, severity = TOLD[name]
    long = f'{{"filling": "{LONG}", "a": {text}}}' if text.startswith("{") else f"{text}\n# {LONG}\n"
    data = PACK[pack](path.rpartition("/")[2], long.encode())
    report = check(view(files={pack: data}), "SEC004")
    assert [one.severity for one in report.findings if one.code == "SEC004"] == [severity]
    healthy = f'{{"filling": "{LONG}", "a": {{"auto_map": null, "class_path": 1}}}}'
    quiet = check(view(files={pack: PACK[pack]("a.json", healthy.encode())}), "SEC004")
    assert (quiet.findings, quiet.complete) == ([], True)


def test_one_packed_text_and_tags_of_python() -> None:
    text = b"a: !!python/object/apply:os.system [id]\n"
    for path in ("a.yaml.gz", "a.gz"):
        (finding,) = check(view(files={path: gzip.compress(text)}), "SEC004").findings
        assert (finding.path, finding.severity) == (path, ERROR)
    (finding,) = check(view(files={"a.tar": tarred(("x.cfg", text), ("y.yml", text))}), "SEC004").findings
    assert "1 other member" in finding.message


def test_a_long_packed_text_is_searched_by_its_words() -> None:
    filling = "".join(f"k{n}: v\n" for n in range(LONGEST_YAML // 6))
    data = b"_target_: os.system\n!!python/name:os.system : 1\n" + filling.encode()
    report = check(view(files={"a.zip": zipped(("a.yaml", data), ("rows.txt", data))}), "SEC004")
    assert not report.complete, "what its other words name is not parsed"
    found = [one for one in report.findings if one.code == "SEC004"]
    assert sorted((one.path, one.severity) for one in found) == [("a.zip", WARNING), ("a.zip", ERROR)]
    assert {"a.yaml"} == {one.message.partition(":")[0] for one in found}


def test_healthy_archives_are_left_alone() -> None:
    rows = b'{"text": "see _target_: os.system and auto_map"}\n' * 40_000
    files = {
        "rows.jsonl.gz": gzip.compress(rows),
        "a.zip": zipped(("config.json", b'{"auto_map": null}'), ("README.md", b"`_target_: os.system`"), ("w.pt", torch_zip(b"\x80\x02}."))),
        "a.tar": tarred(("conf.yaml", b"a: '_target_: os.system'\n")),
    }  # fmt: skip
    report = check(view(files=files), "SEC004")
    assert report.findings == []
    assert [one for one in report.remarks if "packed" in one] == []


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (
            "tokenizer.json",
            '{"model": {"vocab": {"auto_map": 1, "_target_": 2, "Lambda": 3, "py/object": 4}}}',
        ),
        ("config.json", '{"auto_map": null, "class_name": "Dense", "name": "Lambda"}'),
        ("notes.json", '{"text": "set auto_map: {} and _target_: os.system in the configuration"}'),
        ("a.json", '["auto_map", "_target_", "os.system"]'),
        ("a.json", '{"auto_map": {"AutoModel": "p.P"}'),
        ("a.yaml", "# _target_: os.system\na: '_target_: os.system'\n"),
        ("config.yaml", "model: {class_path: src.eval.Model, init_args: {optimizer: torch.optim.Adam}}\n"),
        (
            "configs/inference.json",
            '{"imports": ["$import os", "$import glob"], "a": "$os.path.join(@b, \'c\')", "d": "$list(sorted(glob.glob(@e)))", "$schema": "x"}',
        ),
        (
            "api.json",
            '[{"name": "code", "type": "subprocess.CalledProcessError"}, {"type": "code.block"}, {"type": "os.PathLike", "target": "test.eval"}]',
        ),
        (
            "pipeline.yaml",
            "components: {a: {type: haystack.components.builders.PromptBuilder, init_parameters: {template: 'run os.system'}}}\n",
        ),
        ("agent.json", '{"provider": "autogen_agentchat.agents.AssistantAgent", "function": "os"}'),
        (
            "chain.json",
            '{"lc": 1, "type": "constructor", "id": ["langchain", "llms", "OpenAI"], "kwargs": {}}',
        ),
        (
            "logging.json",
            '{"()": "uvicorn.logging.DefaultFormatter", "class": "logging.handlers.RotatingFileHandler"}',
        ),
        (
            "modules.json",
            '[{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"}]',
        ),
        (
            "2_Dense/config.json",
            '{"activation_function": "torch.nn.modules.activation.Tanh", "activation_fn": "my_pkg.Act"}',
        ),
        ("config.json", '{"activation_function": "gelu_new", "activation_fn": "topk"}'),
        ("MLmodel", "flavors: {python_function: {loader_module: mlflow.sklearn}}\n"),
        ("calls.jsonl", '{"function": {"name": "os.system"}, "arguments": "subprocess.run"}\n'),
        ("pyproject.toml", '[project.scripts]\nhubkit = "hubkit.cli.main:main"\n# _target_ = "os.system"\n'),
        ("a.yaml", "a: &a {b: 1}\nc: {<<: *a}\nd: !include other.yaml\ne: !function_of x\n"),
        ("README.md", '`{"auto_map": {"AutoModel": "p.P"}}`'),
        (
            "rows.jsonl",
            '{"text": "set \\"py/object\\": \\"os.system\\""}\n{"class_name": "Popen", "module": 3}\n',
        ),
        (
            "model.json",
            '{"module": "keras.layers", "class_name": "Dense", "config": {"units": 4}, "registered_name": null}',
        ),
        (
            "model.json",
            '{"module": "builtins", "class_name": "function", "config": "my_loss", "registered_name": "function"}',
        ),
        ("model.json", '{"module": null, "class_name": "SAE", "config": {}, "registered_name": "pkg>SAE"}'),
        ("classes.json", '{"module": "subprocess", "class_name": "Popen", "doc": "starts a program"}'),
        (
            "config.json",
            '{"attn_implementation": "flash_attention_2", "_attn_implementation": {"": "paged|sdpa"}, "experts_implementation": null}',
        ),
        (
            "adapter_config.json",
            '{"auto_mapping": {"base_model_class": "L", "parent_library": "transformers.models.llama.modeling_llama"}}',
        ),
        (
            "model_index.json",
            '{"_class_name": "StableDiffusionPipeline", "unet": ["diffusers", "UNet2DConditionModel"]}',
        ),
        (
            "schema.json",
            '{"__class__": "LinearRegression", "__module__": "sklearn.linear_model._base", "__loader__": "ObjectNode"}',
        ),
        ("b.json", '{"path": "C:\\\\u0061", "happy/object": "x", "Lambda": 0.5}'),
    ],
)
def test_what_only_looks_so_is_left_alone(path: str, text: str) -> None:
    report = check(view(readme="# x" if path == "README.md" else None, files={path: text.encode()}), "SEC004")
    assert report.findings == []


def test_a_long_text_is_searched_by_its_words() -> None:
    filling = {f"k{n}": "v" for n in range(LONGEST_YAML // 10)}
    files = {
        "a.json": json.dumps(filling | {"auto_map": {"A": "b.C"}}).encode(),
        "b.json": json.dumps(filling | {"vocab": {"auto_map": 1}}).encode(),
    }
    (finding,) = check(view(files=files), "SEC004").findings
    assert (finding.path, finding.severity) == ("a.json", WARNING)


@pytest.mark.parametrize(
    "text",
    [
        "[" * 500_000,
        '{"_target_": ' * 70_000,
        '{"_target_":"a",' * 60_000,
        "\\u0061" * 150_000,
        "- _target_\n" * 80_000,
        '{"tools":"a" ' * 160_000,
        '{"_target_": ' * 160_000,
        '{"_target_":"a",' * 130_000,
        '"tools":{' * 230_000,
        ("{" * 30 + '"tools": ["a"') * 50_000,
        '"$eval' * 350_000,
        '"code":{"a":' * 170_000,
        '{"tools":["a"],"b":1},' * 100_000,
        ('"a":1,"b":"c",' * 20 + '"tools":"x",') * 7_000,
    ],
)
def test_time_is_bounded(text: str) -> None:
    for path in ("a.json", "a.yaml"):
        begun = time.process_time()
        check(view(files={path: text.encode()}), "SEC004")
        assert time.process_time() - begun < 3


GIN = "import os\nfrom __gin__ import dynamic_registration\nimport my.package\n\ntrain.optimizer = @my.package.Adam()\n"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (GIN + "train.hook = @os.system()\n", 6),
        (GIN + "os.system.command = 'id'\n", 6),
        (GIN + "train.hook = [@my.f, @scope/subprocess.run()]\n", 6),
        (GIN, None),
        (GIN + "# train.hook = @os.system()\ntrain.name = 'mail me @os.system'\n", None),
        (GIN.replace("from __gin__ import dynamic_registration\n", "") + "train.hook = @os.system()\n", None),
    ],
)
def test_gin_that_may_register_what_it_imports_calls_it(text: str, line: int | None) -> None:
    found = check(view(files={"config.gin": text.encode()}), "SEC004").findings
    assert [(one.severity, one.line) for one in found] == ([(ERROR, line)] if line else [])
