"""`python -m inferdeck` is the command `inferdeck`."""

import sys

from inferdeck.cli import main

if __name__ == "__main__":
    sys.exit(main())
