"""The baselines. Each runs in a process of its own, so that its time and memory compare with a command's."""
