# SPDX-License-Identifier: GPL-2.0-only
"""Random operations on a guest's memory from many sides at once, over loads that are verified, and a judgement.

main reads the words of make torture; engine runs the sources and the quiet points; layout is the machine;
source says what a source is, and writers, devices, policy, pressure, poison, faults, onlookers and loads are
the sources; quiet puts everything back, judge looks at what is left; record keeps the account, report shows it.
"""
