"""The explorer as a Streamlit component (v2): the page gives it data, it gives back what was touched."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit.runtime import get_instance

from explorer import paths

FRONT = paths.PROJECT / "explorer" / "front"
HTML = '<div class="bv-root"><div class="bv"></div></div>'
SCRIPT, RUNTIME, WASM = "live.mjs", "ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.wasm.gz"


def _address(name: str) -> str:
    """Where the browser finds a file of static/; another content has another address."""
    content = (paths.PROJECT / "static" / name).read_bytes()
    return f"app/static/{name}?v={hashlib.sha256(content).hexdigest()[:12]}"


ASSETS = {"script": _address(RUNTIME), "wasm": _address(WASM)}

_LOADER = f"""
const script = () => import(new URL("{_address(SCRIPT)}", document.baseURI).href);
export default function (component) {{
  const {{ parentElement }} = component;
  script().then(
    (live) => live.attach(component),
    (error) => (parentElement.textContent = `The page's own script can't be loaded: ${{error.message}}`),
  );
  return () => script().then((live) => live.detach(parentElement), () => {{}});
}}
"""

_CSS = "".join((FRONT / name).read_text(encoding="utf-8") for name in ("live.css", "compare.css"))


def live(key: str, data: dict[str, Any], parts: Mapping[str, Path], take: Callable[[], None]) -> None:
    """Show the explorer of one model, or the comparison of several.

    Args:
        key: of the widget; `st.session_state[key]["state"]` is what was touched last.
        data: from `payload` in `explorer.live.payload` or in `explorer.live.comparison`.
        parts: ONNX files by their names: "decoder" and "encoder", or "decoder0" and so on.
        take: called when something was touched.
    """
    served = {name: _served(file) for name, file in parts.items()}
    component = st.components.v2.component(  # the same again is no new registration
        "beta_vae_live", html=HTML, css=_CSS, js=_LOADER, isolate_styles=False
    )
    component(key=key, data=data | {"assets": ASSETS, "parts": served or None}, on_state_change=take)


def touched(key: str) -> Any:
    """What came from the page, unchecked; None before anything was touched."""
    value: Any = st.session_state.get(key)
    return value.get("state") if hasattr(value, "get") else None


def _served(file: Path) -> str:
    """The address at which this session's browser can fetch a file, until another model is shown."""
    files = get_instance().media_file_mgr
    return files.add(file.read_bytes(), "application/octet-stream", f"live.{file.name}")
