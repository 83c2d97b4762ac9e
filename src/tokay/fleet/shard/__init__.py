"""One shard: a process of devices behind one control connection.

program      the process: pipes, signals, memory
shard        the life of a shard: prepare, go, samples, stop
members      one device of the fleet: power, state, what is measured of it
host         what stands beside a device: timed commands, or a coroutine
preparation  identities, settings and files, stored before the first boot
air          the part of the airspace where its devices live
"""
