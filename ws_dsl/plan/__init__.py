"""From a study to cells with keys: axes, joins, what is cached, stale, new, and why."""
