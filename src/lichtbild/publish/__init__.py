# SPDX-License-Identifier: Apache-2.0
"""A picture becomes a file."""
