#!/usr/bin/env bash
# Superset 6.1 in its own environment, with the published copy, its dataset and the supply-chain dashboard from assets/.
#   deploy/superset/setup.sh [published directory]      SUPERSET_HOME=dir, SUPERSET_ADMIN_PASSWORD=... (else asked for)
# Safe to run again: what is there is updated.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
project=$(cd "$here/../.." && pwd)
copy=$(realpath -s "${1:-$project/warehouse/published/strata}")/current/strata.duckdb
[ -f "$copy" ] || { echo "$copy: there is no published copy. Remedy: make publish" >&2; exit 2; }
export SUPERSET_HOME=${SUPERSET_HOME:-$project/warehouse/superset}
export SUPERSET_CONFIG_PATH=$here/superset_config.py FLASK_APP=superset
mkdir -p "$SUPERSET_HOME"
if [ ! -x "$SUPERSET_HOME/venv/bin/superset" ]; then
    "$project/.venv/bin/uv" venv --quiet --python "$project/.venv/bin/python" "$SUPERSET_HOME/venv"
    # Releases of its dependencies after this day break it.
    "$project/.venv/bin/uv" pip install --quiet --python "$SUPERSET_HOME/venv/bin/python" \
        --exclude-newer 2026-06-15 --requirement "$here/requirements.in"
fi
if [ ! -f "$SUPERSET_HOME/signing" ]; then
    (umask 077 && python3 -c 'import secrets; print(secrets.token_urlsafe(42), end="")' > "$SUPERSET_HOME/signing")
fi
superset=$SUPERSET_HOME/venv/bin/superset
"$superset" db upgrade
if [ ! -f "$SUPERSET_HOME/admin_made" ]; then
    [ -v SUPERSET_ADMIN_PASSWORD ] || read -r -s -p "Password for the user admin: " SUPERSET_ADMIN_PASSWORD
    "$superset" fab create-admin --username admin --firstname Strata --lastname Admin --email admin@localhost \
        --password "$SUPERSET_ADMIN_PASSWORD"
    touch "$SUPERSET_HOME/admin_made"
fi
"$superset" init
python3 - "$here/assets" "$copy" "$SUPERSET_HOME/supply_chain.zip" <<'PY'
import sys
import zipfile
from pathlib import Path

assets, copy, target = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as written:
    for path in sorted(assets.rglob("*.yaml")):
        text = path.read_text(encoding="utf-8").replace("{published_copy}", copy)
        written.writestr(f"strata/{path.relative_to(assets)}", text)
PY
"$superset" import-dashboards --path "$SUPERSET_HOME/supply_chain.zip" --username admin
echo "Start it: SUPERSET_HOME=$SUPERSET_HOME SUPERSET_CONFIG_PATH=$SUPERSET_CONFIG_PATH $superset run --host 127.0.0.1 --port 8088"
echo "then open http://127.0.0.1:8088/superset/dashboard/supply-chain/"
