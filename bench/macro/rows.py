"""All rows, in the order of the speed table.

A group of rows is measured together: a function gets the Bench and the names that are wanted, and
returns the figures of each. Sizes: millions of events where checkpoints must fall into the run.
"""
import rows_footprint
import rows_ingest
import rows_older
import rows_paced
import rows_queries
import rows_secure

TABLE = [*rows_ingest.ROWS, *rows_paced.ROWS, *rows_footprint.MEMORY, *rows_queries.ROWS,
         *rows_footprint.AT_REST, *rows_secure.ROWS]
OLDER = rows_older.ROWS
