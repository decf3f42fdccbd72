# SPDX-License-Identifier: Apache-2.0
"""Taste: from what was there to a picture."""
