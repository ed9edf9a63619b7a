"""`python -m marketcamera` is the command `marketcamera`."""

import sys

from marketcamera.command import main

sys.exit(main())
