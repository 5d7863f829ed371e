"""`python -m falusage` is `falusage`, where a script folder is not on the path."""

import sys

from falusage.cli import main

sys.exit(main())
