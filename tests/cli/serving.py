# serving.py - a server of the program for a test, and plain requests to it
# SPDX-License-Identifier: MIT
import http.client
import json
import os
import signal
import socket
import subprocess
import urllib.parse

from harness import PROGRAM, Case


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    @property
    def text(self):
        return self.body.decode()

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def map(self):
        """The document of the map, its figure and size unfolded."""
        answer = json.loads(self.headers["Ropemap-Map"])
        return {**answer, **answer["figure"], **answer["size"], "cached": self.headers["Ropemap-Cached"] == "1"}


class ServeCase(Case):
    """A test with servers, which end with it."""

    def start(self, *arguments, kept=False, **options):
        """kept: it does not end with the test."""
        options.setdefault("cwd", self.directory)
        process = subprocess.Popen([PROGRAM, "serve", "--json", *map(str, arguments)], stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, **options)
        if not kept:
            self.addCleanup(self.stop, process)
        line = process.stdout.readline()
        if not line:
            self.fail(self.stop(process)[1].decode())
        self.process = process
        self.about = json.loads(line)
        self.port = self.about["port"]
        self.token = self.about["token"]
        return process

    def stop(self, process, number=signal.SIGTERM):
        """Its exit code and what it said."""
        if process.stdout.closed:
            return process.returncode, b""
        if process.poll() is None:
            process.send_signal(number)
        try:
            _, said = process.communicate(timeout=600)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise
        return process.returncode, said

    def connection(self):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=600)

    def ask(self, path, verb="GET", body=None, token=True, headers=None, connection=None, **query):
        """One request; query names have _ for -."""
        if query:
            path += "?" + urllib.parse.urlencode([(name.replace("_", "-"), value)
                                                  for name, values in query.items()
                                                  for value in (values if isinstance(values, list) else [values])])
        headers = dict(headers or {})
        if token:
            headers["Authorization"] = "Bearer " + self.token
        own = connection or self.connection()
        own.request(verb, path, body, headers)
        answer = Answer(own.getresponse())
        if connection is None:
            own.close()
        return answer

    def got(self, path, **options):
        answer = self.ask(path, **options)
        self.assertEqual(answer.status, 200, answer.body[:500])
        return answer

    def refused_http(self, status, words, path, **options):
        """One sentence that has every word."""
        answer = self.ask(path, **options)
        self.assertEqual(answer.status, status, (path, options, answer.body[:300]))
        self.assertEqual(answer.body.count(b"\n"), 1, answer.body)
        for word in words:
            self.assertIn(word, answer.text)
        return answer

    def raw(self, data, until_closed=True, timeout=600):
        """Bytes that came back for these bytes."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=timeout) as stream:
            try:
                stream.sendall(data)
                got = b""
                while until_closed or b"\r\n\r\n" not in got:
                    more = stream.recv(65536)
                    if not more:
                        break
                    got += more
                return got
            except (ConnectionResetError, BrokenPipeError):
                return got if "got" in locals() else b""

    def raw_status(self, *lines, body=b""):
        """Status of a request that is written by hand, its connection closed after it; None: none came."""
        head = "\r\n".join([*lines, "Connection: close", "", ""]).encode("latin-1")
        answer = self.raw(head + body)
        return int(answer.split()[1]) if answer.startswith(b"HTTP/1.") else None

    def memory(self):
        """Bytes that the server holds."""
        with open("/proc/%d/statm" % self.process.pid) as stream:
            return int(stream.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
