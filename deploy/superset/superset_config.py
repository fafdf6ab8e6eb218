"""Superset for one machine: a small database of its own in SUPERSET_HOME; the key of its cookies stands there, too."""

import os
from pathlib import Path

HOME = Path(os.environ["SUPERSET_HOME"])
SECRET_KEY = (HOME / "signing").read_text(encoding="utf-8")
SQLALCHEMY_DATABASE_URI = f"sqlite:///{HOME / 'superset.db'}"
# The published copy is a file: Superset calls such a database unsafe, since it could open any file of the machine.
PREVENT_UNSAFE_DB_CONNECTIONS = False
WTF_CSRF_ENABLED = True
TALISMAN_ENABLED = False  # its policy wants https, and this is for localhost
