"""What is said when research cannot use what it was given: one sentence that names the file or the option."""


class ResearchError(Exception):
    """Results, bars, dates or options that cannot be used; the text is a sentence for a person."""
