"""Talk to an AMI with asterisk-ami and print what it understood as JSON.

Runs in a process of its own with asterisk-ami on its path: `asterisk_ami_peer.py PORT` against a fake Asterisk,
or `asterisk_ami_peer.py -` with messages on standard input, each ended by an empty line.
"""

import json
import sys
import threading

from asterisk.ami import AMIClient, SimpleAction
from asterisk.ami.event import Event
from asterisk.ami.response import Response


def read() -> list[list[object]]:
    packs = sys.stdin.buffer.read().decode().split("\r\n\r\n")
    found: list[list[object]] = []
    for pack in packs:
        if Event.match(pack):
            event = Event.read(pack)
            found.append([event.name, event.keys])
        elif Response.match(pack):
            response = Response.read(pack)
            found.append([response.status, response.keys])
    return found


def talk(port: int) -> dict[str, object]:
    events: list[str] = []
    keyed = threading.Event()

    def heard(event: Event, **_: object) -> None:
        events.append(event.name)
        if event.name == "DTMFEnd":
            keyed.set()

    client = AMIClient(address="127.0.0.1", port=port)
    client.add_event_listener(heard)
    login = client.login(username="hotline", secret="secret").response
    ping = client.send_action(SimpleAction("Ping")).response
    refused = client.send_action(SimpleAction("Hangup", Channel="none")).response
    keyed.wait(5)
    client.logoff()
    return {"login": login.status, "ping": ping.keys["Ping"], "refused": refused.keys["Message"], "events": events}


if __name__ == "__main__":
    result = read() if sys.argv[1] == "-" else talk(int(sys.argv[1]))
    json.dump(result, sys.stdout)
