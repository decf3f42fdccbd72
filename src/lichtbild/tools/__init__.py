# SPDX-License-Identifier: Apache-2.0
"""For people: the command line, the demo, the doctor."""
