"""The protocol of the server, for engine and client: frames, requests, faults, pools, HTTP, feeds."""
