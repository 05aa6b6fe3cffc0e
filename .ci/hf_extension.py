"""Write the manifest of the extension that lies where `hf` keeps them, as `hf extensions install` does, and run `hf sae`."""

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from huggingface_hub.cli.extensions import EXTENSIONS_ROOT, ExtensionManifest

work = Path(sys.argv[1])
folder = EXTENSIONS_ROOT.expanduser() / "hf-sae"
script = folder / "venv" / "bin" / "hf-sae"
assert folder.is_relative_to(work), folder
assert script.is_file(), f"{script}: the extension's package has no script of this name"
ExtensionManifest(
    owner="OWNER", repo="hf-sae", repo_id="OWNER/hf-sae", short_name="sae", executable_path=str(script.resolve()), type="python", installed_at=datetime.now(UTC),
).save(folder)  # fmt: skip
hf = str(Path(sys.executable).with_name("hf"))
for release, expect in (("good", 0), ("bad", 1)):
    done = subprocess.run(
        [hf, "sae", "validate", release],
        cwd=work, env=os.environ | {"HF_HUB_DISABLE_UPDATE_CHECK": "1"}, capture_output=True, text=True, encoding="utf-8", check=False,
    )  # fmt: skip
    assert done.returncode == expect, (
        f"hf sae validate {release}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    )
print("hf sae: ok")
