"""The other systems of the synthetic company: one module for each part of the story, all fed by the same keys."""
