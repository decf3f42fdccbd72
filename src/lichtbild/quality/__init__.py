# SPDX-License-Identifier: Apache-2.0
"""The laboratory: charts are found, and what a picture shows of them is measured."""
