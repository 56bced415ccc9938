"""Put what the browser runs into static/: python explorer/front/build.py [--check].

`npm ci` installs exactly what package-lock.json pins, in a temporary folder. Two files of the ONNX
runtime are taken, the large one compressed; esbuild makes one script, live.mjs, of the modules beside this file.
With --check nothing is written: it only says whether static/ holds those very bytes.
"""

from __future__ import annotations

import gzip
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
RUNTIME, WASM, BUNDLE = "ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.wasm", "live.mjs"


def build(static: Path, check: bool = False) -> list[str]:
    """Put the files into `static`, or compare; returns those that differ or are missing.

    Raises:
        subprocess.CalledProcessError, FileNotFoundError: npm failed, or is not on this machine.
    """
    differing = []
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        for name in ("package.json", "package-lock.json"):
            shutil.copyfile(HERE / name, work / name)
        shutil.copytree(HERE, work / "front", ignore=shutil.ignore_patterns("node_modules"))
        subprocess.run(
            ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"],
            cwd=work, check=True,
        )  # fmt: skip
        subprocess.run(
            ["node_modules/.bin/esbuild", "front/main.js", "--bundle", "--format=esm", "--charset=utf8",
             "--target=es2022", f"--outfile={BUNDLE}", "--log-level=warning"],
            cwd=work, check=True,
        )  # fmt: skip
        made = {
            RUNTIME: (work / DIST / RUNTIME).read_bytes(),
            # Streamlit would compress it anew for each visitor.
            f"{WASM}.gz": (work / DIST / WASM).read_bytes(),
            BUNDLE: (work / BUNDLE).read_bytes(),
        }
    for name, content in made.items():
        print(
            f"{hashlib.sha256(content).hexdigest()}  {len(content):>10,}  {name.removesuffix('.gz')}"
        )
        if _content(static / name) == content:
            continue
        differing.append(name)
        if not check:
            static.mkdir(exist_ok=True)
            packed = gzip.compress(content, 9, mtime=0) if name.endswith(".gz") else content
            (static / name).write_bytes(packed)
    return differing


def _content(file: Path) -> bytes | None:
    """What is in a file, unpacked: the packing itself differs from one zlib to the next."""
    try:
        return gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
    except (OSError, EOFError):
        return None


if __name__ == "__main__":
    only_check = sys.argv[1:] == ["--check"]
    found = build(STATIC, only_check)
    if only_check and found:
        sys.exit(f"not as pinned: {', '.join(found)}; run python explorer/front/build.py")
