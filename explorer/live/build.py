"""Put the ONNX runtime that decodes in the browser into static/: python explorer/live/build.py [--check].

`npm ci` installs exactly what package-lock.json pins, in a temporary folder; two files of it are
copied. With --check nothing is written: it only says whether static/ holds those very bytes.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
STATIC = HERE.parent.parent / "static"
DIST = Path("node_modules/onnxruntime-web/dist")
# The single-threaded use of this build needs no special headers, and no second script.
FILES = ("ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.wasm")


def build(static: Path, check: bool = False) -> list[str]:
    """Copy the pinned runtime into `static`, or compare; returns the files that differ or are missing.

    Raises:
        subprocess.CalledProcessError, FileNotFoundError: npm failed, or is not on this machine.
    """
    differing = []
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        for name in ("package.json", "package-lock.json"):
            shutil.copyfile(HERE / name, work / name)
        subprocess.run(
            ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=work, check=True
        )
        for name in FILES:
            content = (work / DIST / name).read_bytes()
            print(f"{hashlib.sha256(content).hexdigest()}  {len(content):>10,}  {name}")
            target = static / name
            if target.is_file() and target.read_bytes() == content:
                continue
            differing.append(name)
            if not check:
                static.mkdir(exist_ok=True)
                target.write_bytes(content)
    return differing


if __name__ == "__main__":
    only_check = sys.argv[1:] == ["--check"]
    found = build(STATIC, only_check)
    if only_check and found:
        sys.exit(f"not as pinned: {', '.join(found)}; run python explorer/live/build.py")
