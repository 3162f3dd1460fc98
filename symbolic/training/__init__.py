"""How training is done: sampling schemes, optimisers, schedules, averages."""
