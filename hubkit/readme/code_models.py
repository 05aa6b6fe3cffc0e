"""What the Python blocks of a card load and where they look: base models, tokenizers, SAEs, and the places whose activations they take.

Read off the syntax tree, nothing is run. Constants are followed (`LAYER = 12`, `f"blocks.{LAYER}.hook_resid_post"`); what depends on anything else is left alone.
"""

from __future__ import annotations

import ast
import re
from collections import ChainMap
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hubkit.models.hooks import LENS_LAYER, parse_hook
from hubkit.readme.code import Parsed, parsed
from hubkit.readme.constants import MOST, constants_of, loops_of, value_of
from hubkit.release.layout import CFG, WEIGHTS

if TYPE_CHECKING:
    from hubkit.readme.document import CodeBlock

LOADS_MODEL = re.compile(
    r"Auto(?:Model(?:For\w+)?|Bridge)|\w+(?:ForCausalLM|LMHeadModel|ForConditionalGeneration|ForImageTextToText)|(?:GPT2|GPTNeoX|Llama|Gemma\w*|Qwen\w+|Mistral|Phi\w*)Model|"
    r"Hooked(?:Transformer|SAETransformer|Encoder)|(?:SAE)?TransformerBridge|FastLanguageModel|LanguageModel|LLM|StandardizedTransformer"
)
"""Classes whose methods, or which themselves, load a base model: transformers, TransformerLens, nnsight, unsloth, vLLM."""
LOADS_TOKENIZER = re.compile(r"\w*Tokenizer(?:Fast)?|AutoProcessor")
LOADS_SAE = re.compile(r"(?:[A-Z]\w*)?SAE|Sae|SparseCoder|\w*Transcoder")
METHODS = {
    "from_pretrained",
    "from_pretrained_no_processing",
    "boot_transformers",
    "from_pretrained_with_cfg_and_sparsity",
    "load_from_hub",
}
CALLED = {"LanguageModel", "LLM", "StandardizedTransformer"}
"""Classes that take the name when they are made."""
NAME_KEYS = (
    "pretrained_model_name_or_path",
    "model_name",
    "model_name_or_path",
    "model_id",
    "model",
    "repo_id",
)
READS_BY = {
    "run_with_cache",
    "run_with_cache_with_saes",
    "run_with_hooks",
    "hooks",
    "add_hook",
    "add_perma_hook",
    "get_submodule",
    "get_caching_hooks",
}
"""Methods whose arguments name hooks."""
HOOK_KEYS = {
    "names_filter",
    "fwd_hooks",
    "hook_name",
    "hook_point",
    "hookpoint",
    "hookpoints",
    "hook_names",
    "stop_at_hook",
}
MODULE = re.compile(r"(?:\w+\.)+(?:layers|h)\.\d+(?:\.\w+)*")
MOST_STATES = 10**9
"""No model has as many blocks: what is larger is no index."""
ALL_ROUNDS = 5_000
"""Of all loops of a card together."""
BLOCKS = {"layers", "h", "blocks"}


@dataclass(frozen=True, slots=True)
class Load:
    """One model, tokenizer or SAE that the code loads."""

    kind: str
    """`model`, `tokenizer` or `sae`."""
    name: str
    """Of the model or repository."""
    line: int
    quote: str
    inner: str | None = None
    """The sae_id, where it is written out."""


@dataclass(frozen=True, slots=True)
class Read:
    """One place whose activations the code takes."""

    hook: str
    """As a hook's name, a module's path, or `hidden_states[12]`."""
    line: int
    quote: str
    before: bool = False
    """Whether what goes into the module is taken, not what comes out."""


@dataclass
class CodeUse:
    """What all blocks of a card do, one after the other."""

    loads: list[Load] = field(default_factory=list)
    reads: list[Read] = field(default_factory=list)
    open_sae: bool = False
    """Whether an SAE is loaded whose id is not written out."""
    states: set[str] = field(default_factory=set)
    """Variables that hold the hidden states of a model."""


def use_of(blocks: Iterable[CodeBlock]) -> CodeUse:
    """Loads and reads of a card's Python blocks. Never raises."""
    use = CodeUse()
    found = [one for one in parsed(blocks) if isinstance(one, Parsed)]
    constants, loops = constants_of(one.tree for one in found), loops_of(one.tree for one in found)
    rounds = ALL_ROUNDS
    for one in found:
        reader = _Reader(constants, one.lines, one.first, use, loops, rounds)
        for node in list(ast.walk(one.tree))[:MOST]:
            reader.look(node)
        rounds = reader.rounds
    return use


class _Reader:
    """Looks at one node after the other of one block."""

    def __init__(
        self,
        constants: dict[str, object],
        lines: list[str],
        first: int,
        use: CodeUse,
        loops: Mapping[str, list[object]],
        rounds: int,
    ) -> None:
        self.constants, self.lines, self.first, self.use, self.loops = constants, lines, first, use, loops
        self.rounds = rounds

    def look(self, node: ast.AST) -> None:
        if isinstance(node, ast.Call):
            self._call(node)
        elif isinstance(node, ast.Subscript):
            self._subscript(node)
        elif (
            isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name)
        ):
            (self.use.states.add if _are_states(node.value) else self.use.states.discard)(node.targets[0].id)

    def _text(self, node: ast.AST | None) -> str | None:
        value = value_of(node, self.constants)
        return value if isinstance(value, str) else None

    def _texts(self, node: ast.AST) -> list[str]:
        """The string that an expression is, or in a loop each that it becomes."""
        if (text := self._text(node)) is not None:
            return [text]
        names = {one.id for one in ast.walk(node) if isinstance(one, ast.Name)} & self.loops.keys()
        if len(names) != 1:
            return []
        name = names.pop()
        values = self.loops[name][: self.rounds]
        self.rounds -= len(values)
        made = (value_of(node, ChainMap({name: value}, self.constants)) for value in values)
        return [one for one in made if isinstance(one, str)]

    def _place(self, node: ast.expr) -> tuple[int, str]:
        at = min(max(node.lineno, 1), len(self.lines))
        return self.first + at - 1, self.lines[at - 1].strip()

    def _call(self, node: ast.Call) -> None:
        method, owner = _names(node.func)
        if (method in METHODS and owner) or method in CALLED:
            self._load(node, owner if method in METHODS else method)
        elif method == "pipeline":
            task = self._text(_keyword(node, "task") or (node.args[0] if node.args else None))
            if task in {"text-generation", "feature-extraction"}:
                self._add(
                    "model", node, _keyword(node, "model") or (node.args[1] if len(node.args) > 1 else None)
                )
        elif method == "hf_hub_download":
            self._fetched(node)
        elif method == "get_act_name" and len(node.args) > 1:
            self._act(node, node.args[0], node.args[1])
        if method in READS_BY:
            for argument in (*node.args, *(one.value for one in node.keywords)):
                self._hooks_in(argument)
        else:
            for one in node.keywords:
                if one.arg in HOOK_KEYS and method not in METHODS:
                    self._hooks_in(one.value)

    def _load(self, node: ast.Call, owner: str | None) -> None:
        first = next(
            (found for key in NAME_KEYS if (found := _keyword(node, key))),
            node.args[0] if node.args else None,
        )
        if owner is None or (first is None and not node.keywords):
            return
        if LOADS_TOKENIZER.fullmatch(owner):
            self._add("tokenizer", node, first)
        elif LOADS_MODEL.fullmatch(owner):
            self._add("model", node, first)
        elif LOADS_SAE.fullmatch(owner):
            inner = (
                _keyword(node, "sae_id")
                or _keyword(node, "hookpoint")
                or (node.args[1] if len(node.args) > 1 else None)
            )
            self._add("sae", node, _keyword(node, "release") or first, inner)

    def _add(self, kind: str, node: ast.Call, name: ast.expr | None, inner: ast.expr | None = None) -> None:
        text, line_quote = self._text(name), self._place(node)
        inside = self._text(inner)
        if kind == "sae" and inside is None:
            self.use.open_sae = True
        if text:
            self.use.loads.append(Load(kind, text, *line_quote, inner=inside))

    def _fetched(self, node: ast.Call) -> None:
        """A file of an SAE's folder that is downloaded by its name."""
        arguments = [*node.args, None, None]
        repo, name = (_keyword(node, "repo_id") or arguments[0]), (_keyword(node, "filename") or arguments[1])
        path = self._text(name)
        if path is None:
            self.use.open_sae = True
        elif path.rpartition("/")[2] in {CFG, WEIGHTS, "params.npz", "ae.pt"}:
            self.use.loads.append(
                Load("sae", self._text(repo) or "", *self._place(node), inner=path.rpartition("/")[0] or ".")
            )

    def _act(self, node: ast.expr, site: ast.expr, layer: ast.expr) -> None:
        """`get_act_name("resid_post", 12)`, `cache["resid_post", 12]`."""
        name, number = self._text(site), value_of(layer, self.constants)
        if name is not None and isinstance(number, int):
            inner = {
                "q": "attn.",
                "k": "attn.",
                "v": "attn.",
                "z": "attn.",
                "pattern": "attn.",
                "pre": "mlp.",
                "post": "mlp.",
            }
            self._read(f"blocks.{number}.{inner.get(name, '')}hook_{name}", node)

    def _hooks_in(self, node: ast.expr) -> None:
        """Names of hooks in an argument: a string, several, or a comparison inside a lambda."""
        for one in ast.walk(node):
            if isinstance(one, ast.Constant | ast.JoinedStr | ast.Name | ast.Call | ast.BinOp):
                for name in self._texts(one):
                    if _is_hook(name) or MODULE.fullmatch(name):
                        self._read(name, node)

    def _subscript(self, node: ast.Subscript) -> None:
        if isinstance(node.slice, ast.Tuple) and len(node.slice.elts) >= 2:
            self._act(node, node.slice.elts[0], node.slice.elts[1])
            return
        value = value_of(node.slice, self.constants)
        name = self._owner(node.value)
        if isinstance(node.value, ast.Name) and node.value.id in self.use.states:
            name = "hidden_states"
        if texts := self._texts(node.slice):
            for text in filter(_is_hook, texts):
                self._read(text, node)
        elif isinstance(value, int) and 0 <= value < MOST_STATES and name == "hidden_states":
            self._read(f"hidden_states[{value}]", node)
        elif (
            isinstance(value, int) and value >= 0 and name in BLOCKS and isinstance(node.value, ast.Attribute)
        ):
            self._module(node, name, value)

    def _owner(self, node: ast.expr) -> str | None:
        """`hidden_states` of `out.hidden_states`, `hidden_states` and `out["hidden_states"]`."""
        if isinstance(node, ast.Subscript):
            return self._text(node.slice)
        return (
            node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else None
        )

    def _module(self, node: ast.Subscript, blocks: str, layer: int) -> None:
        """`model.layers[12].mlp`: the way behind the block is in the line, as far as it is plain."""
        line, quote = self._place(node)
        source = self.lines[node.end_lineno - 1] if node.end_lineno else ""
        behind = (
            re.match(r"(?:\.\w+)*", source.encode()[node.end_col_offset :].decode(errors="replace"))
            if node.end_col_offset
            else None
        )
        parts = behind.group().strip(".").split(".") if behind and behind.group() else []
        before = any(part in {"register_forward_pre_hook", "input", "inputs"} for part in parts)
        if any(
            part in {"weight", "bias", "parameters", "state_dict"} or part.startswith("W_") for part in parts
        ):
            return
        used = {
            "register_forward_hook",
            "register_forward_pre_hook",
            "output",
            "input",
            "inputs",
            "register_full_backward_hook",
        }
        inner = []
        for part in parts:
            if part in used:
                break
            inner.append(part)
        path = ".".join(["blocks" if blocks == "blocks" else "model." + blocks, str(layer), *inner])
        self.use.reads.append(Read(path, line, quote, before))

    def _read(self, hook: str, node: ast.expr) -> None:
        self.use.reads.append(Read(hook, *self._place(node)))


def _are_states(node: ast.expr) -> bool:
    """`model(...).hidden_states`, `out.hidden_states`, `out["hidden_states"]`."""
    if isinstance(node, ast.Subscript):
        return isinstance(node.slice, ast.Constant) and node.slice.value == "hidden_states"
    return isinstance(node, ast.Attribute) and node.attr == "hidden_states"


def _is_hook(name: str) -> bool:
    """Whether this is TransformerLens's name of a hook in a block."""
    return LENS_LAYER.match(name) is not None and parse_hook(name).form == "transformer_lens"


def _names(function: ast.expr) -> tuple[str | None, str | None]:
    """(`from_pretrained`, `AutoModelForCausalLM`) of a call; the owner without the module it is from."""
    if isinstance(function, ast.Name):
        return function.id, None
    if not isinstance(function, ast.Attribute):
        return None, None
    owner = function.value
    return function.attr, owner.attr if isinstance(owner, ast.Attribute) else owner.id if isinstance(
        owner, ast.Name
    ) else None


def _keyword(node: ast.Call, name: str) -> ast.expr | None:
    return next((one.value for one in node.keywords if one.arg == name), None)
