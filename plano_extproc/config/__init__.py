"""What the user wrote, typed. Knows nothing of Envoy; reads no environment but the one it is given."""

from plano_extproc.config.legacy import json_schema
from plano_extproc.config.load import Loaded, environment, load
from plano_extproc.config.problem import Problem
from plano_extproc.config.schema import Config
from plano_extproc.config.zero import zero_config

__all__ = ["Config", "Loaded", "Problem", "environment", "json_schema", "load", "zero_config"]
