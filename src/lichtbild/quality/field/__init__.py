# SPDX-License-Identifier: Apache-2.0
"""What changes over the field: distortion, lateral colour, shading, flare."""
