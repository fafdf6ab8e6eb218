"""What a change touches, down to the column: `make impact`, for pull requests (docs/impact.md)."""
