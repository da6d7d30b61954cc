"""Size and time of change of a file when it was hashed, so that an unchanged one need not be hashed again."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; unknown for what older versions recorded."""
    op.add_column("location", sa.Column("size", sa.BigInteger))
    op.add_column("location", sa.Column("mtime_ns", sa.BigInteger))
