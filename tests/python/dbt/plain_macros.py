"""The name by which the tests of this folder know support/plain_macros.py."""

from support.plain_macros import ROOT, CompilerError, plain_macros

__all__ = ["ROOT", "CompilerError", "plain_macros"]
