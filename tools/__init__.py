"""Developer and CI tools of the project."""
