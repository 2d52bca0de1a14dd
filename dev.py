#!/usr/bin/env python3
"""One entry to everything: sets the project up once, then runs a command.

    python3 dev.py demo              replay a seeded market, write the report
    python3 dev.py test [PYTEST…]    the whole test suite
    python3 dev.py check             lint, types, layers, contract rules
    python3 dev.py bench [NAME…]     gas, accuracy, pricing (see `vomma bench --help`)
    python3 dev.py vomma …           any vomma command
    python3 dev.py ape …             any ape command
    python3 dev.py setup             only set up

Standard library only: it must run before anything is installed.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent
TOOLS, VENV = ROOT / ".tools", ROOT / ".venv"
BIN = VENV / "bin"
UV = TOOLS / "bin" / "uv"
UV_VERSION = "0.13.9"
NATRIX = "natrix==0.1.9"
# 1: lists of 64 are large by design; 4 and 5: calls out count as reads; 8 and 10: results and
# standard arguments that are not needed; 11: asks for a leading underscore on every argument
NATRIX_OFF = ("NTX1", "NTX4", "NTX5", "NTX8", "NTX10", "NTX11")
ANVIL = ROOT / "node_modules" / "@foundry-rs" / "anvil-linux-amd64" / "bin" / "anvil"
PYTHONS = ("3.12", "3.11")


def run(*command: object, quiet: bool = False, **env: str) -> None:
    """Run a command in the repo; stop with its exit code when it fails."""
    words = [str(word) for word in command]
    path = f"{BIN}{os.pathsep}{os.environ.get('PATH', '')}"
    result = subprocess.run(
        words,
        cwd=ROOT,
        env={**os.environ, "PATH": path, "UV_PYTHON_DOWNLOADS": "never", **env},
        stdout=subprocess.DEVNULL if quiet else None,
        check=False,
    )
    if result.returncode:
        sys.exit(result.returncode)


def stamp(*names: str) -> str:
    digest = hashlib.sha256(sys.version.encode())
    for name in names:
        digest.update((ROOT / name).read_bytes())
    return digest.hexdigest()


def python() -> str:
    """A Python the locked packages support, or a clear stop."""
    here = f"{sys.version_info[0]}.{sys.version_info[1]}"
    if here in PYTHONS:
        return sys.executable
    for version in PYTHONS:
        if found := shutil.which(f"python{version}"):
            return found
    sys.exit(f"dev.py: needs Python {' or '.join(PYTHONS)}, found {here}; install one of them")


def setup_python() -> None:
    mark, want = VENV / ".vomma-stamp", stamp("requirements.lock", "pyproject.toml")
    if mark.exists() and mark.read_text() == want:
        return
    print("dev.py: setting up Python packages (once)…", file=sys.stderr, flush=True)
    if not UV.exists():
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--target", TOOLS]
        run(*pip, "--root-user-action=ignore", f"uv=={UV_VERSION}")
    run(UV, "venv", "--quiet", "--allow-existing", "--python", python(), VENV)
    run(UV, "pip", "sync", "--quiet", "--require-hashes", "requirements.lock")
    run(UV, "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--editable", ".")
    mark.write_text(want)


def setup_anvil() -> None:
    """Anvil from npm, linked where ape-foundry looks; only the devnet and the tests need it."""
    if (BIN / "anvil").exists() and ANVIL.exists():
        return
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        print("dev.py: no pinned anvil for this machine; put anvil 1.7.1 on PATH", file=sys.stderr)
        return
    npm: list[object] = [shutil.which("npm")]
    if npm[0] is None:
        run(UV, "pip", "install", "--quiet", "--require-hashes", "-r", "requirements-node.lock")
        npm = [BIN / "npm"]
    run(*npm, "ci", "--ignore-scripts", "--silent", "--no-audit", "--no-fund", quiet=True)
    (BIN / "anvil").unlink(missing_ok=True)
    (BIN / "anvil").symlink_to(ANVIL)


def lint_contracts() -> None:
    """natrix in an environment of its own; it compiles a lot, so a folder on each core."""
    site = next(VENV.glob("lib/python3.*/site-packages"))
    command = [UV, "tool", "run", "--quiet", NATRIX, "lint", "-d", *NATRIX_OFF, "-p", ROOT, site]
    folders = sorted({path.parent for path in (ROOT / "contracts").glob("*/*.vy")})
    kept = [folder for folder in folders if folder.name != "testing"]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(lambda folder: run(*command, "--", folder), kept))


def check() -> None:
    run(BIN / "ruff", "check", ".")
    run(BIN / "ruff", "format", "--check", ".")
    run(BIN / "mypy")
    run(BIN / "lint-imports", "--no-cache")
    run(BIN / "python", "scripts/check_contracts.py")
    lint_contracts()


def main(words: list[str]) -> None:
    if not words or words[0] in ("-h", "--help"):
        print(__doc__)
        return
    command, *rest = words
    known = ("demo", "test", "check", "bench", "vomma", "ape", "setup")
    if command not in known:
        sys.exit(f"dev.py: unknown command {command!r}; one of {', '.join(known)}")
    setup_python()
    if command in ("test", "ape", "setup") or "devnet" in rest:
        setup_anvil()
    if command == "demo":
        run(BIN / "vomma", "demo", *rest)
    elif command == "test":
        run(BIN / "python", "-m", "pytest", "-n", "auto", *rest)
    elif command == "check":
        check()
    elif command == "bench":
        for bench in [rest] if rest else [["gas"], ["accuracy"]]:
            run(BIN / "vomma", "bench", *bench)
    elif command in ("vomma", "ape"):
        run(BIN / command, *rest)


if __name__ == "__main__":
    main(sys.argv[1:])
