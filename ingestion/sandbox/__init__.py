"""A local stand-in company: an SAP system on loopback, served from tables in a directory.

`python -m ingestion.sandbox` starts it; tests use it in-process:

    with SandboxServer(default_company()) as sap:
        requests.get(f"{sap.base_url}/sap/opu/odata/sap/API_PLANT_SRV/A_Plant", headers=...)
"""

from ingestion.sandbox.errors import SandboxError
from ingestion.sandbox.faults import Fault
from ingestion.sandbox.server import SandboxServer
from ingestion.sandbox.tables import Table, Tables, read_extract

__all__ = ["Fault", "SandboxError", "SandboxServer", "Table", "Tables", "read_extract"]
