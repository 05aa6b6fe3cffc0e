"""Programs of torch.export whose sizes, guards and calls are more than arithmetic, beside those that torch writes."""

from __future__ import annotations

import json
import time
import zipfile
from typing import Any

import pytest
from builders import check, view
from tensors.hostile import zipped

from hubkit.validate.code_exports import is_arithmetic, is_guard
from hubkit.validate.finding import Severity

CALL = "__import__('os').system('id')"
SIZES = [
    "Symbol('s77', positive=True, integer=True)",
    "Mul(Integer(3), Symbol('s77', positive=True, integer=True))",
    "3*s77", "s0 + 1", "(s0//2)", "Max(1, s0 - 4)", "FloorDiv(s0, 2)", "s0 ** 2", "u0 >= 2", "Eq(u0, 1) & Ne(s0, 2)", "ModularIndexing(s0, 1, 8)", "TruncToInt(2.0*ToFloat(s0))",
    "Where(s0 < 2, 1, s0)", "Float('1.5e-5', precision=53)", "OpaqueUnaryFn_sqrt(ToFloat(s0))", "And(Lt(s0, 3), Ge(s1, 4))", " -s0 ", "Mod(s0, 8)", "True",
]  # fmt: skip
ODD = [
    CALL, "eval('1')", "s0.__class__", "().__class__.__base__.__subclasses__()", "[x for x in (1,)]", "(lambda: 1)()", "Symbol(open('x').read())", "sympify('1')", "S('__import__')",
    "'a'", "f'{s0}'", "lambdify(s0, 'x')", "getattr(s0, 'x')", "Symbol('a b(c)')", "Float('eval(1)')", "s0!", "(s0)(1)", "parse_expr('1')", "s0[0]", "x := 3", "__builtins__",
]  # fmt: skip


def program(
    size: str = "3*s77",
    *,
    guards: tuple[str, ...] = (),
    target: str = "torch.ops.aten.mul.Tensor",
    key: str = "s77",
) -> bytes:
    graph: dict[str, Any] = {
        "graph_module": {
            "graph": {
                "nodes": [{"target": target, "inputs": []}],
                "tensor_values": {"x": {"sizes": [{"as_expr": {"expr_str": size, "hint": {"as_int": 4}}}]}},
            }
        },
        "range_constraints": {key: {"min_val": 2, "max_val": 64}},
        "guards_code": list(guards),
    }
    return json.dumps(graph).encode()


def found(
    data: bytes, name: str = "m/models/model.json", path: str = "model.pt2", **how: Any
) -> list[Severity]:
    files = {path: zipped((name, data), ("m/archive_format", b"pt2"), **how)}
    return [one.severity for one in check(view(files=files), "SEC004").findings]


@pytest.mark.parametrize("size", SIZES)
def test_what_torch_writes_is_arithmetic(size: str) -> None:
    assert is_arithmetic(size)
    assert found(program(size)) == []


@pytest.mark.parametrize("size", ODD)
def test_a_size_that_is_more_than_arithmetic_is_told(size: str) -> None:
    assert not is_arithmetic(size)
    assert found(program(size)) == [Severity.ERROR]


@pytest.mark.parametrize("guard", ["L['x'].size()[0] == 3", "2 <= L['x'].size()[0] and not (L['y'].size()[1] == 4)", "L['x'].size()[0] % 2 == 0", "Eq(L['a']['b'].stride()[0], 1)", "math.floor(L['x'].size()[0] / 2) == 4", "torch.sym_max(L['x'].size()[0], 3) > 1"])  # fmt: skip
def test_guards_of_sizes_are_left_alone(guard: str) -> None:
    assert is_guard(guard)
    assert found(program(guards=(guard,))) == []


@pytest.mark.parametrize("guard", [CALL, "torch.load('x')", "L['x'].__class__", "math.__loader__", "os.system('id')", "L['x'].size()[0] == 3) or exec('1'", "L['f']()"])  # fmt: skip
def test_a_guard_that_does_more_is_told(guard: str) -> None:
    assert found(program(guards=("L['x'].size()[0] == 3", guard))) == [Severity.ERROR]


@pytest.mark.parametrize(
    ("graph", "fires"),
    [
        (program(target="torch.serialization.os.system"), True),
        (program(target="torch.ops.load_library"), True),
        (program(target="_operator.methodcaller"), True),
        (program(target="torch.hub.load"), True),
        (program(key=CALL), True),
        (program(CALL).replace(b"expr_str", b"expr\\u005fstr"), True),
        (program(target="_operator.getitem"), False),
        (program(target="torch.sym_max"), False),
        (program(target="math.floor"), False),
        (program(target="torch.ops.higher_order.cond"), False),
        (b'{"expr_str": ["x"], "guards_code": 1, "range_constraints": []}', False),
        (b"no JSON", False),
    ],
)
def test_every_text_of_a_graph_that_torch_looks_up_is_looked_at(graph: bytes, *, fires: bool) -> None:
    assert set(found(graph)) == ({Severity.ERROR} if fires else set())


def test_a_graph_is_found_where_it_lies_and_whatever_the_archive_is_called() -> None:
    bad = program(CALL)
    assert found(bad, path="program.dat", method=zipfile.ZIP_DEFLATED) == [Severity.ERROR]
    assert found(bad, "serialized_exported_program.json") == [Severity.ERROR]
    assert found(bad, "m/models/inner/other.json") == [Severity.ERROR]
    assert found(bad, "m/notes/model.json") == []
    assert check(view(files={"model.pt2": b"x" + zipped(("models/model.json", bad))}), "SEC004").findings


def test_time_is_bounded() -> None:
    graph = json.dumps(
        {"a": [{"expr_str": f"Mul(s{i}, {i})", "target": "torch.ops.a.b"} for i in range(20_000)]}
    ).encode()
    texts = ["(" * 5_000 + ")" * 5_000, "s0+" * 3_000 + "s0", "a(" * 4_000, "-" * 9_000 + "1", "x" * 100_000]
    begun = time.process_time()
    assert found(graph) == []
    assert not any(is_arithmetic(one) for one in texts[:1] + texts[2:3] + texts[4:])
    for one in texts:
        is_guard(one)
    assert time.process_time() - begun < 4
