# SPDX-License-Identifier: Apache-2.0
"""The version, where every folder may read it."""

__version__ = "0.1.0"
SOFTWARE = f"lichtbild {__version__}"
