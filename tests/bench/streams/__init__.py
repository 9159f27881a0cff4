"""How many event streams one process reads at once, and what each piece of them costs."""
