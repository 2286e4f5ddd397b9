"""Ask Graphviz where the boxes and arrows of a picture go. May import native and errors.

Graphviz only places: it gets sizes, measures no text and draws nothing, so neither fonts nor Pango are needed, and
its answer depends on its version alone. Called by `ivr dialplan draw`.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from ivr import native
from ivr.errors import ConfigError

PATIENCE_S = 60.0
PLUGINS = ("core", "dot_layout")


def place(dot: str) -> dict[str, Any]:
    """Return Graphviz's description (its format json0) of the graph `dot` with every place filled in.

    Raises ConfigError when Graphviz is not there, fails or takes longer than PATIENCE_S.
    """
    argv = native.program("dot")
    with tempfile.TemporaryDirectory(prefix="hotline-dot-") as folder:
        environment = {**os.environ, "LC_ALL": "C.UTF-8", **_plugins(argv, Path(folder))}
        answer = _run([*argv, "-Tjson0"], dot, environment)
    try:
        found = json.loads(answer)
    except ValueError as error:
        raise ConfigError(f"dot (Graphviz) gave no picture: {error}") from error
    if not isinstance(found, dict):
        raise ConfigError("dot (Graphviz) gave no picture")
    return found


def _plugins(argv: list[str], folder: Path) -> dict[str, str]:
    """Give an unpacked dot a folder with the two plugins it needs, and let it write down what they can do."""
    if len(argv) == 1:
        return {}  # the system's own knows its plugins
    for name in PLUGINS:
        for library in sorted((native.library_folder() / "graphviz").glob(f"libgvplugin_{name}.so.*")):
            (folder / library.name).symlink_to(library.resolve())
    _run([*argv, "-c"], "", {**os.environ, "GVBINDIR": str(folder)})
    return {"GVBINDIR": str(folder)}


def _run(argv: list[str], given: str, environment: dict[str, str]) -> str:
    try:
        run = subprocess.run(
            argv, input=given, capture_output=True, encoding="utf-8", errors="replace", env=environment,
            timeout=PATIENCE_S, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise ConfigError(f"dot (Graphviz) was not ready after {PATIENCE_S:.0f} s: draw one flow, not all") from None
    except OSError as error:
        raise ConfigError(f"dot (Graphviz) cannot be started: {error.strerror or error}") from error
    if run.returncode:
        wrong = next((line for line in run.stderr.splitlines() if line.startswith("Error")), run.stderr.strip()[:200])
        raise ConfigError(f"dot (Graphviz) failed: {wrong or f'it ended with {run.returncode}'}")
    return run.stdout
