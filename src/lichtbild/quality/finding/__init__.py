# SPDX-License-Identifier: Apache-2.0
"""The finders: where a chart lies in a picture."""
