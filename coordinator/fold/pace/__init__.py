"""How often was entered and how many trades in a row were lost: what is counted for the rules of pace."""
