# SPDX-License-Identifier: Apache-2.0
"""What grey patches say: noise, dynamic range, tone."""
