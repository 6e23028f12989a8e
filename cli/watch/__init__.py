"""Commands that watch a portfolio: status, tail, doctor."""
