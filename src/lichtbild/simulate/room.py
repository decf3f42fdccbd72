# SPDX-License-Identifier: Apache-2.0
"""The room."""

from __future__ import annotations

from lichtbild.simulate.charts import chart as room

__all__ = ["room"]
