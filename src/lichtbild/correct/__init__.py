# SPDX-License-Identifier: Apache-2.0
"""Physics: from what the sensor saw to what was there."""
