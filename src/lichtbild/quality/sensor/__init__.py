# SPDX-License-Identifier: Apache-2.0
"""What raw frames say about a sensor: photon transfer, patterns, the noise model of a camera."""
