# SPDX-License-Identifier: Apache-2.0
"""What everything is made of."""
