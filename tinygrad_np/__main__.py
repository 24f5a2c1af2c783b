"""The door of the command line: ``python -m tinygrad_np``."""

import sys

from .cli import main

if __name__ == "__main__":
    sys.exit(main())
