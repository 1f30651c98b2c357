"""`python -m medmeta`."""

import sys

from medmeta.cli import main

sys.exit(main())
