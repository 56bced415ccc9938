"""Make what the browser runs: python -m explorer.front.build [--check].

wire.ts is made from the pydantic models of what goes to the browser and of what comes back. `npm ci` installs
what the build needs, exactly as package-lock.json pins it, in a temporary folder; esbuild makes a script of
each entry, which goes into static/, as do two files of the ONNX runtime, the large one compressed. With
--check nothing is written: it only says whether those very bytes are there.
"""

from __future__ import annotations

import gzip
import hashlib
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from pydantic import BaseModel

from explorer import paths
from explorer.front.typescript import typescript
from explorer.live import wire
from explorer.ui.compare import live as compare_live
from explorer.ui.explore import latents

HERE = Path(__file__).resolve().parent
STATIC = paths.PROJECT / "static"
DIST = Path("node_modules/onnxruntime-web/dist")
# The single-threaded use of this build needs no special headers, and no second script.
RUNTIME, WASM = "ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.wasm"
BUNDLES = {  # of static/: its entry
    "live.mjs": "main.ts",
    "scatter.mjs": "scatter.ts",
    "scatter_thumb.mjs": "scatter_thumb.ts",
    "theory_curve.mjs": "theory_curve.ts",
    "theory_gaussians.mjs": "theory_gaussians.ts",
}
SENT: dict[str, type[BaseModel]] = {
    model.__name__: model
    for model in (
        wire.ExplorerData,
        wire.ComparisonData,
        wire.GaussiansData,
        wire.CurveData,
        wire.ScatterData,
        wire.ThumbData,
    )
}
TAKEN: dict[str, type[BaseModel]] = {
    "ExplorerTouch": latents.ExplorerTouch,
    "ComparisonTouch": compare_live.ComparisonTouch,
}


def types() -> str:
    """The text of wire.ts."""
    head = "// Made by `python -m explorer.front.build` of pydantic models, see there: not to be edited."
    parts = typescript(SENT, "serialization") | typescript(TAKEN, "validation")
    return "\n\n".join([head, *parts.values()]) + "\n"


def build(static: Path, check: bool = False) -> list[str]:
    """Put the files in their places, or compare; returns those that differ or are missing.

    Raises:
        subprocess.CalledProcessError, FileNotFoundError: npm failed, or is not on this machine.
    """
    differing = []
    wired = types().encode()
    if _content(HERE / "wire.ts") != wired:
        differing.append("wire.ts")
        if not check:
            (HERE / "wire.ts").write_bytes(wired)
    for name, content in _made().items():
        print(f"{hashlib.sha256(content).hexdigest()}  {len(content):>10,}  {name.removesuffix('.gz')}")
        if _content(static / name) == content:
            continue
        differing.append(name)
        if not check:
            static.mkdir(exist_ok=True)
            packed = gzip.compress(content, 9, mtime=0) if name.endswith(".gz") else content
            (static / name).write_bytes(packed)
    return differing


def _made() -> dict[str, bytes]:
    """What belongs into static/, unpacked, by its name there."""
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        for name in ("package.json", "package-lock.json"):
            shutil.copyfile(HERE / name, work / name)
        shutil.copytree(HERE, work / "front", ignore=shutil.ignore_patterns("node_modules"))
        subprocess.run(
            ["npm", "ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"], cwd=work, check=True
        )
        for name, entry in BUNDLES.items():
            subprocess.run(
                [
                    "node_modules/.bin/esbuild",
                    f"front/{entry}",
                    "--bundle",
                    "--format=esm",
                    "--charset=utf8",
                    "--target=es2022",
                    f"--outfile={name}",
                    "--log-level=warning",
                ],
                cwd=work,
                check=True,
            )
        return {
            RUNTIME: (work / DIST / RUNTIME).read_bytes(),
            # Streamlit would compress it anew for each visitor.
            f"{WASM}.gz": (work / DIST / WASM).read_bytes(),
            **{name: (work / name).read_bytes() for name in BUNDLES},
        }


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
        sys.exit(f"not as made: {', '.join(found)}; run python -m explorer.front.build")
