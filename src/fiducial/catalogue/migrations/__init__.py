"""Revisions of the schema; applied by :mod:`fiducial.catalogue.upgrade`, never by the command line of Alembic."""
