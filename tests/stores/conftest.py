from tests.support.servers import postgres_server, redis_server

__all__ = ["postgres_server", "redis_server"]
