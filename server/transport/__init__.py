"""GraphQL over HTTP, server-sent events, multipart streams and graphql-transport-ws.

`routes.graphql_routes` builds the routes. Serve them with uvicorn, its `http` from
`http.fast_path.fast_path_protocol`, its `ws` as `DirectWebSocket`, `ws_ping_interval` None (sockets
have heartbeats of their own) and `ws_max_size` at MAX_FRAME_BYTES, so that a larger frame is never
held in memory; on a socket prepared by `configure_listening_socket`; and with a `ClientErrorFilter`
on the logger "uvicorn.error".
"""
