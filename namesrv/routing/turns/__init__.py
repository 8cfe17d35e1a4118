"""Budgets of the turns of the loop, and work that continues in later turns."""
