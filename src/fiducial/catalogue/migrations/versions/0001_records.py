"""The records: nodes, entities, files at paths, products, runs, agents, edges."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "node",
        sa.Column("key", _KEY, primary_key=True, autoincrement=True),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.UniqueConstraint("id", name="uq_node_id"),
    )
    op.create_index("ix_node_name", "node", ["name"])
    op.create_table("entity", _part_of("node", "entity"), sa.Column("attributes", sa.Text, nullable=False))
    op.create_table(
        "file",
        _part_of("node", "file"),
        sa.Column("sha256", sa.Text, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("format", sa.Text, nullable=False),
        sa.Column("attributes", sa.Text, nullable=False),
        sa.UniqueConstraint("sha256", name="uq_file_sha256"),
    )
    op.create_index("ix_file_format", "file", ["format"])
    op.create_table(
        "location",
        sa.Column("path", sa.Text, primary_key=True),
        sa.Column("file", _KEY, sa.ForeignKey("file.key", name="fk_location_file_file"), nullable=False),
    )
    op.create_index("ix_location_file", "location", ["file"])
    _create_products_and_runs()
    op.create_table(
        "agent",
        sa.Column("id", sa.Text, primary_key=True),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("kind", "name")),
        sa.Column("version", sa.Text),
    )
    op.create_table(
        "edge",
        *(
            sa.Column(
                name,
                _KEY,
                sa.ForeignKey("node.key", name=f"fk_edge_{name}_node"),
                primary_key=True,
                autoincrement=False,
            )
            for name in ("source", "target")
        ),
        sa.Column("relation", sa.Text, primary_key=True),
        sa.Column("role", sa.Text, primary_key=True),
        sa.Column("agent", sa.Text, sa.ForeignKey("agent.id", name="fk_edge_agent_agent")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_edge_target", "edge", ["target"])


def _create_products_and_runs() -> None:
    op.create_table(
        "product",
        _part_of("node", "product"),
        *(sa.Column(name, sa.Text) for name in ("egv_product", "level", "tier", "frame", "start", "end", "issued")),
        sa.Column("attributes", sa.Text, nullable=False),
    )
    op.create_index("ix_product_egv_product", "product", ["egv_product"])
    op.create_index("ix_product_start", "product", ["start"])
    op.create_table(
        "run",
        _part_of("node", "run"),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("recipe", "step")),
        sa.Column("step_version", sa.Integer, nullable=False),
        *(
            sa.Column(name, sa.Text, nullable=False)
            for name in ("parameters", "cache_key", "software", "machine", "started")
        ),
        sa.Column("ended", sa.Text),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("state", "timing", "requirements", "shortcomings")),
    )
    op.create_index("ix_run_cache_key", "run", ["cache_key"])
    op.create_index("ix_run_state", "run", ["state"])


def _part_of(referred: str, table: str) -> sa.Column[int]:
    key = sa.ForeignKey(f"{referred}.key", name=f"fk_{table}_key_{referred}")
    return sa.Column("key", _KEY, key, primary_key=True, autoincrement=False)
