"""The catalogue: what datasets there are, what they mean, where they come from, and a search that finds them.

`make docs` writes it to target/catalogue/ as static pages that open from a disk (docs/catalogue.md).
"""
