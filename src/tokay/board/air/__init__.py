"""The simulated radio world: airspace, access points, the networks behind them, their faults."""
