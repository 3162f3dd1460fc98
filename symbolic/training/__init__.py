"""How training is done: samplings, optimisers, schedules, averages; knows no observable."""
