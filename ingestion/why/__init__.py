"""`python -m ingestion why <node>`: what most likely made a model, test or source go wrong, with the evidence."""
