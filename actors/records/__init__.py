"""What an operator reads of the store and does to it: `python -m actors feedback | questions | forget`."""
