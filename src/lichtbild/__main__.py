# SPDX-License-Identifier: Apache-2.0
"""``python -m lichtbild``: the command line where no script is installed."""

from lichtbild.tools.cli import main

main()
