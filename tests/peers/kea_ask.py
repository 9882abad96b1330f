#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""kea_ask.py SOCKET COMMAND [ARGUMENTS]: one command to a Kea server's unix socket; its answer, sorted, a lease per line."""
import json
import socket
import sys

request = {"command": sys.argv[2]}
if len(sys.argv) > 3:
    request["arguments"] = json.loads(sys.argv[3])
with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
    connection.settimeout(30)
    connection.connect(sys.argv[1])
    connection.sendall(json.dumps(request).encode())
    answer = b""
    while part := connection.recv(65536):
        answer += part
answer = json.loads(answer)
leases = answer.get("arguments", {}).get("leases") if isinstance(answer.get("arguments"), dict) else None
if leases is not None:
    print("\n".join(sorted(json.dumps(lease, sort_keys=True) for lease in leases)))
else:
    print(answer.get("text", ""))
sys.exit(0 if answer["result"] in (0, 3) else 1)
