"""The command line: ``solidb-odm``, also ``python -m solidb_odm``."""

from .main import main

__all__ = ["main"]
