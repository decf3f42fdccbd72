# SPDX-License-Identifier: Apache-2.0
"""How sharp a picture is, and how much of its fine detail is true."""
