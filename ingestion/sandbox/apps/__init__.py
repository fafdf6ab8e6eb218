"""The sandbox's REST systems, one module each; every app answers requests of `ingestion.sandbox.rest.RestServer`."""
