"""`make contracts`: write what is generated from contracts/, check them, and compare them with the last release.

datacontract-cli does the checking (the Open Data Contract Standard's schema) and grades the changes.
"""

from __future__ import annotations

import argparse
import logging
import subprocess
import sys
import tempfile
from pathlib import Path

from ingestion.contract import CONTRACTS_DIR
from ingestion.generate import generate

ROOT = CONTRACTS_DIR.parent


def main() -> int:
    """0 when all is well; 1 for a contract that breaks the standard or the last release's promises."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--against", help="git revision to compare with; default is the last release's tag")
    parser.add_argument("--lint-only", action="store_true", help="only check the files against the standard")
    options = parser.parse_args()
    logging.disable(logging.WARNING)  # datacontract-cli logs each file it reads
    if not options.lint_only:
        for path in generate():
            print(f"{path}: written")
    faulty = lint()
    if options.lint_only:
        return 1 if faulty else 0
    revision = options.against or last_release()
    if revision is None:
        print("no release has been tagged yet (v*): there is nothing to compare the contracts with")
        return 1 if faulty else 0
    broken = compare(revision)
    if broken:
        print(f"{broken} breaking changes since {revision}. Remedy: agree them with the consumers and raise the major "
              "version of the contract, or take them back.")  # fmt: skip
    return 1 if faulty or broken else 0


def contract_files() -> list[Path]:
    """All contracts, those of the unified ERP view included."""
    return sorted(CONTRACTS_DIR.glob("*/*.odcs.yaml"))


def lint(files: list[Path] | None = None) -> int:
    """Check contracts (default: those of landed datasets) against the standard; returns how many fail."""
    from datacontract.data_contract import DataContract

    files, faulty = contract_files() if files is None else files, 0
    for path in files:
        run = DataContract(data_contract_file=str(path)).lint()
        failed = [check for check in run.checks or [] if str(check.result.value) not in ("passed", "info")]
        for check in failed:
            print(f"{path.relative_to(ROOT)}: {check.name}: {check.reason}")
        faulty += bool(failed)
    print(f"{len(files)} contracts checked against the Open Data Contract Standard, {faulty} with faults")
    return faulty


def compare(revision: str) -> int:
    """Print what changed since a revision and return how many changes break consumers without a new major version."""
    from datacontract.data_contract import DataContract

    broken = 0
    with tempfile.TemporaryDirectory() as folder:
        for name in _git("ls-tree", "-r", "--name-only", revision, "contracts").splitlines():
            if not name.endswith(".odcs.yaml"):
                continue
            old = Path(folder) / Path(name).name
            old.write_text(_git("show", f"{revision}:{name}"), encoding="utf-8")
            new = ROOT / name
            if not new.exists():
                print(f"{name}: error: the contract is gone")
                broken += 1
                continue
            if new.read_text(encoding="utf-8") == old.read_text(encoding="utf-8"):
                continue
            before, after = (DataContract(data_contract_file=str(path)) for path in (old, new))
            result = before.breaking(after)
            for entry in result.entries:
                print(f"{name}: {entry.level.value}: {entry.message}")
            if result.is_breaking and _major(old) >= _major(new):
                broken += 1
    return broken


def last_release() -> str | None:
    """The newest tag of a release that the working tree descends from."""
    try:
        return _git("describe", "--tags", "--match", "v*", "--abbrev=0").strip()
    except subprocess.CalledProcessError:
        return None


def _major(path: Path) -> int:
    version = next(line for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("version:"))
    return int(version.split(":")[1].strip().strip("'\"").split(".")[0])


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=ROOT, check=True, capture_output=True, text=True)
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
