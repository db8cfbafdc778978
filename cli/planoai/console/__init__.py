"""The web console: a page on loopback that shows what one gateway does, while it does it.

It reads what is there anyway: the access log, the collector's spans, the figures, Envoy's admin interface and the
configuration. A gateway costs it nothing that nobody looks.

    exchanges       requests, from the access log and from spans
    health          providers and figures
    configuration   what is configured, without secrets
    playground      a prompt to a listener, and how it was decided
    watch           looks at all of it, and tells the pages
    app             HTTP: the page, its questions, its events
"""
