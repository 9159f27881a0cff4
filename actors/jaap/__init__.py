"""JAAP element trees: robots as a JitAi app declares them (JitAi docs, "JAAP" and "Extend element family classes")."""
