"""Files to batches of records, losslessly: CSV, JSON Lines, workbooks.

`read_file(path, FileLayout(...))` yields RecordBatch; what the layout leaves out is detected. Every physical line is
accounted for in `count`: as record, rejected record, header, preamble, footer, total or blank line.
"""

from ingestion.files.describe import Description, describe_file
from ingestion.files.layout import FileCount, FileLayout, Note, RecordBatch, Rejected, escape_raw, unescape_raw
from ingestion.files.reader import BATCH_BYTES, FileReader, read_file

__all__ = [
    "BATCH_BYTES",
    "Description",
    "FileCount",
    "FileLayout",
    "FileReader",
    "Note",
    "RecordBatch",
    "Rejected",
    "describe_file",
    "escape_raw",
    "read_file",
    "unescape_raw",
]
