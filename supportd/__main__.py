"""`python -m supportd`."""

import sys

from supportd.cli import main

sys.exit(main())
