"""The rules: what each objects to, what it watches, how far it is from its limit; a small module a rule."""
