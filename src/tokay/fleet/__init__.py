"""Fleets: thousands of devices in a process, and as many processes as there are machines.

    scenario   a TOML file: groups of devices, their access points, stages, thresholds
    plan       what happens to which device when: arithmetic from seed and index
    shard      one process of devices, behind one control connection
    engine     starts the shards and restarts them: on this machine, or over a Ray cluster
    run        a whole run: shards, time line, verdict, report

See docs/fleet.md.
"""
