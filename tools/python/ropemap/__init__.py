# __init__.py - the package of ropemap's Python modules
# SPDX-License-Identifier: MIT
