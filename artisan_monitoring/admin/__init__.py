"""The admin: one file per feature, imported here so that Django's autodiscovery registers them all."""
