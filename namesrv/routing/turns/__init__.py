"""Who may work in this turn of the loop, and what goes on in the next one."""
