"""What a search found, judged by the fold: on these days and on others, and how much of it is luck."""
