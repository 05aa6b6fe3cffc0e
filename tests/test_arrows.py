"""No room but inference, collect, train, evaluate, experiments and lab imports torch and its kin at module level; the cheap verbs run without them."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "hubkit"
HEAVY = {
    "torch",
    "transformers",
    "sae_lens",
    "bitsandbytes",
    "sklearn",
    "scipy",
    "pyarrow",
    "accelerate",
    "ray",
}
MAY = {"collect", "inference", "train", "evaluate", "experiments", "lab"}


def module_level_imports(path: Path) -> set[str]:
    """Top-level packages that importing the file imports; what stands under `if TYPE_CHECKING` does not run."""
    found: set[str] = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found.add((node.module or "").split(".")[0])
    return found


def test_light_rooms_import_nothing_heavy_at_module_level() -> None:
    light = [path for path in PACKAGE.rglob("*.py") if path.relative_to(PACKAGE).parts[0] not in MAY]
    assert len(light) > 50
    offenders = {str(path): heavy for path in light if (heavy := module_level_imports(path) & HEAVY)}
    assert offenders == {}


BLOCK = """
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {heavy}:
            raise ImportError("blocked: " + name)
sys.meta_path.insert(0, Refuse())
sys.argv = ["hubkit", *{arguments}]
from hubkit.cli.main import main
main()
"""


@pytest.mark.parametrize("arguments", [["--help"], ["rules"], ["explain", "THR001"], ["schema", "cfg"]])
def test_verbs_run_where_no_training_package_can_be_imported(arguments: list[str]) -> None:
    code = BLOCK.format(heavy=HEAVY, arguments=arguments)
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, encoding="utf-8", check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


def test_help_imports_nothing_heavy() -> None:
    code = "import sys\nsys.argv=['hubkit','--help']\nfrom hubkit.cli.main import main\ntry:\n main()\nexcept SystemExit:\n pass\n"
    code += "bad=[m for m in ('torch','numpy','pydantic','jsonschema','jinja2','huggingface_hub','starlette','yaml') if m in sys.modules]\nassert not bad, bad"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, encoding="utf-8", check=False
    )
    assert done.returncode == 0, done.stderr
