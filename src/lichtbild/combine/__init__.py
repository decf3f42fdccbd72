# SPDX-License-Identifier: Apache-2.0
"""Many frames become one."""
