"""``python -m solidb_odm`` is ``solidb-odm``."""

import sys

from .cli import main

sys.exit(main())
