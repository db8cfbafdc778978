"""The user's own services in the path of requests and answers, by HTTP or as tools of an MCP server."""

from plano_extproc.filters.chain import run, run_events, run_text
from plano_extproc.filters.mcp import Sessions
from plano_extproc.filters.service import Filter, Passing, Record
from plano_extproc.filters.stream import StreamFilters

__all__ = ["Filter", "Passing", "Record", "Sessions", "StreamFilters", "run", "run_events", "run_text"]
