# SPDX-License-Identifier: Apache-2.0
"""What colour patches say, and the profile that follows."""
