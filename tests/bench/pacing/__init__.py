"""How pacing a card's updates compares with what could be had by one who knows the answer before it is written."""
