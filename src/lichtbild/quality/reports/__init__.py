# SPDX-License-Identifier: Apache-2.0
"""Reports: figures for people and programs, their score, and what moved."""
