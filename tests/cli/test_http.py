#!/usr/bin/env python3
# test_http.py - `ropemap serve` against requests of strangers, broken clients and crowds
# SPDX-License-Identifier: MIT
import ctypes
import http.client
import json
import os
import random
import select
import socket
import sys
import threading
import time
import unittest

from harness import SANITIZE
from serving import Answer, ServeCase

# Under a sanitizer crowds are smaller, and memory is not the program's own.
SMALL = bool(SANITIZE)
PIDFD_GETFD = 438  # the system call, which Python does not have


def sockets_of(process):
    """Copies of the sockets of a process that this one started."""
    handle, found = os.pidfd_open(process), []
    for name in os.listdir("/proc/%d/fd" % process):
        if os.readlink("/proc/%d/fd/%s" % (process, name)).startswith("socket:"):
            copy = ctypes.CDLL(None, use_errno=True).syscall(PIDFD_GETFD, handle, int(name), 0)
            if copy < 0:
                raise unittest.SkipTest("the system does not lend a process's files: " + os.strerror(ctypes.get_errno()))
            found.append(socket.socket(fileno=copy))
    os.close(handle)
    return found


def peer(stream):
    try:
        return stream.getpeername()
    except OSError:
        return None


class Strangers(ServeCase):
    def setUp(self):
        super().setUp()
        self.start()
        self.host = "Host: 127.0.0.1:%d" % self.port
        self.bearer = "Authorization: Bearer " + self.token

    def status(self, *lines, path="/info.json", verb="GET", version="HTTP/1.1", body=b""):
        return self.raw_status("%s %s %s" % (verb, path, version), *lines, body=body)

    def test_a_token_is_needed_everywhere(self):
        for path in ("/", "/style.css", "/d3.js", "/map.png", "/options.json", "/nothing"):
            self.assertEqual(self.ask(path, token=False).status, 403, path)
        self.assertEqual(self.ask("/model", verb="POST", body=b"{}", token=False,
                                  headers={"Content-Type": "application/json"}).status, 403)
        cookie = "ropemap-%d=" % self.port
        wrong = [self.token[:-1], self.token + "0", self.token.upper() if self.token.upper() != self.token else "",
                 "0" * 32, "", self.token[1:] + self.token[0]]
        for token in wrong:
            if token == self.token:
                continue
            self.assertEqual(self.status(self.host, "Authorization: Bearer " + token), 403, token)
            self.assertEqual(self.status(self.host, "Cookie: " + cookie + token), 403, token)
            self.assertEqual(self.ask("/?token=" + token, token=False).status, 403)
        self.assertEqual(self.status(self.host, "Authorization: Basic " + self.token), 403)
        # The page of a person has a place for it, which keeps the link, and takes the whole address.
        page = self.ask("/?base=5e5&x-a=%22%3E%3Cscript%3E", token=False)
        self.assertEqual((page.status, page.headers["Content-Type"]), (403, "text/html; charset=utf-8"))
        self.assertIn('name="base" value="5e5"', page.text)
        self.assertIn("&quot;&gt;&lt;script&gt;", page.text)
        self.assertNotIn("<script", page.text)
        self.assertIn("form-action 'self'", page.headers["Content-Security-Policy"])
        self.assertIsNone(page.headers["Set-Cookie"])
        pasted = self.ask("/?token=http%%3A%%2F%%2F127.0.0.1%%2F%%3Ftoken%%3D%s" % self.token, token=False)
        self.assertEqual(pasted.status, 200)
        self.assertEqual(self.status(self.host, "Cookie: x" + cookie + self.token), 403)
        self.assertEqual(self.status(self.host, "Cookie: ropemap-1=" + self.token), 403)
        self.assertEqual(self.status(self.host, "Cookie: a=b; " + cookie + self.token), 200)
        self.assertEqual(self.status(self.host, self.bearer), 200)
        # in a query it opens the page, and nothing else
        self.assertEqual(self.ask("/?token=" + self.token, token=False).status, 200)
        self.assertEqual(self.ask("/info.json?token=" + self.token, token=False).status, 403)

    def test_host_and_origin_are_exact(self):
        port = self.port
        for host in ("127.0.0.1:%d" % port, "localhost:%d" % port, "LOCALHOST:%d" % port, "[::1]:%d" % port):
            self.assertEqual(self.status("Host: " + host, self.bearer), 200, host)
        for host in ("evil.example", "127.0.0.1", "127.0.0.1:%d" % (port + 1), "127.0.0.1:%d.evil.example" % port,
                     "localhost.evil.example:%d" % port, "evil.example:%d" % port, "localhost", "127.0.0.1:0%d" % port,
                     "user@127.0.0.1:%d" % port, "0.0.0.0:%d" % port):
            self.assertEqual(self.status("Host: " + host, self.bearer), 403, host)
        self.assertEqual(self.status(self.bearer), 400)
        self.assertEqual(self.status(self.bearer, version="HTTP/1.0"), 400)
        self.assertEqual(self.status(self.host, self.host, self.bearer), 400)
        self.assertEqual(self.status(self.host, "host: evil.example", self.bearer), 400)
        self.assertEqual(self.status("Host : 127.0.0.1:%d" % port, self.bearer), 400)
        own = "http://127.0.0.1:%d" % port
        self.assertEqual(self.status(self.host, self.bearer, "Origin: " + own), 200)
        for origin in ("null", "http://evil.example", "https://127.0.0.1:%d" % port, own + ".evil.example",
                       "http://localhost:%d" % port, "http://127.0.0.1", ""):
            self.assertEqual(self.status(self.host, self.bearer, "Origin: " + origin), 403, origin)
        self.assertEqual(self.status(self.host, self.bearer, "Origin: " + own, "Origin: " + own), 403)
        for site, wanted in (("same-origin", 200), ("none", 200), ("cross-site", 403), ("same-site", 403)):
            self.assertEqual(self.status(self.host, self.bearer, "Sec-Fetch-Site: " + site), wanted)
        self.assertEqual(self.status(self.host, self.bearer, "Sec-Fetch-Site: cross-site", path="/"), 200)

    def test_no_path_is_a_files(self):
        for path in ("/../../etc/passwd", "/..%2f..%2fetc/passwd", "/%2e%2e/etc/passwd", "//etc/passwd", "/style.css/..",
                     "/STYLE.CSS", "/style.css%00", "/map.png%00.svg", "/index.html", "/explorer.js/", "/map", "/map.png/",
                     "/%6dap.png", "http://127.0.0.1:%d/etc/passwd" % self.port, "/style.css;x", "*"):
            self.assertIn(self.status(self.host, self.bearer, path=path), (400, 404), path)
        self.assertIn(self.raw_status("GET /map.png\0.svg HTTP/1.1", self.host, self.bearer), (400, 404))

    def test_verbs_and_bodies(self):
        json_type = "Content-Type: application/json"
        self.assertEqual(self.status(self.host, self.bearer, verb="POST", path="/map.png", body=b""), 415)
        self.assertEqual(self.status(self.host, self.bearer, json_type, "Content-Length: 0", verb="POST",
                                     path="/map.png"), 405)
        self.assertEqual(self.status(self.host, self.bearer, path="/model"), 405)
        for verb in ("PUT", "DELETE", "OPTIONS", "TRACE", "PATCH", "BREW"):
            self.assertIn(self.status(self.host, self.bearer, verb=verb), (400, 405, 501), verb)
        head = self.ask("/info.json", verb="HEAD")
        self.assertEqual((head.status, head.body), (200, b""))
        posts = {"verb": "POST", "path": "/model"}
        for kind in ("text/plain", "application/jsonx", "multipart/form-data", "application/x-www-form-urlencoded"):
            self.assertEqual(self.status(self.host, self.bearer, "Content-Type: " + kind, "Content-Length: 2",
                                         body=b"{}", **posts), 415, kind)
        self.assertEqual(self.status(self.host, self.bearer, json_type + "; charset=utf-8", "Content-Length: 2",
                                     body=b"{}", **posts), 422)
        self.assertIn(self.status(self.host, self.bearer, json_type, "Content-Length: 2", "Content-Length: 3",
                                  body=b"{} ", **posts), (400, None))
        self.assertEqual(self.status(self.host, self.bearer, json_type, "Transfer-Encoding: chunked",
                                     body=b"2\r\n{}\r\n0\r\n\r\n", **posts), 400)
        for length in ("-1", "1e9", "99999999999999999999", "x", "65537"):
            self.assertIn(self.status(self.host, self.bearer, json_type, "Content-Length: " + length, body=b"{}",
                                      **posts), (400, 413, None), length)
        large = b'{"a":"' + b"x" * 65536 + b'"}'
        self.assertIn(self.status(self.host, self.bearer, json_type, "Content-Length: %d" % len(large), body=large,
                                  **posts), (413, None))

    def answers(self, *requests):
        """Statuses of requests on one connection, each read as its head and its length say; None: it was closed."""
        got = []
        with socket.create_connection(("127.0.0.1", self.port), timeout=600) as stream:
            reader = stream.makefile("rb")
            for verb, path, *rest in requests:
                *lines, body = rest or [b""]
                try:
                    stream.sendall("\r\n".join(["%s %s HTTP/1.1" % (verb, path), self.host, self.bearer, *lines, "",
                                                ""]).encode("latin-1") + body)
                    begin = reader.readline()
                except OSError:
                    begin = b""
                if not begin:
                    return [*got, None]
                self.assertTrue(begin.startswith(b"HTTP/1.1 "), begin)
                got.append(int(begin.split()[1]))
                headers = http.client.parse_headers(reader)
                if got[-1] != 304:
                    length = int(headers["Content-Length"])
                    self.assertGreater(length, 0)
                    self.assertEqual(len(reader.read(length if verb != "HEAD" else 0)), length if verb != "HEAD" else 0)
        return got

    def test_the_answer_to_a_head_is_its_head(self):
        """Else the next answer of the connection is read from the middle of its body."""
        for path, wanted in (("/info.json", 200), ("/style.css", 200), ("/", 200), ("/map.png?size=8", 200),
                             ("/curve.csv?distances=9", 200), ("/explain.txt?quick=1", 200), ("/nothing", 404),
                             ("/map.png?base=0", 400), ("/map.png?%", 400), ("/model", 405)):
            self.assertEqual(self.answers(("HEAD", path), ("GET", "/info.json"), ("HEAD", path), ("GET", path)),
                             [wanted, 200, wanted, wanted], path)
        for path in ("/info.json", "/style.css", "/map.png?size=8", "/map.png?base=0"):
            lengths = {self.ask(path, verb=verb).headers["Content-Length"] for verb in ("HEAD", "GET")}
            self.assertEqual(len(lengths), 1, path)
        tag = "If-None-Match: " + self.ask("/style.css").headers["ETag"]
        self.assertEqual(self.answers(("HEAD", "/style.css", tag, b""), ("GET", "/info.json")), [304, 200])

    def test_a_head_that_others_read_otherwise(self):
        """Refused, and the connection is closed: another reader would split the bytes into other requests."""
        host, json_type, post = self.host, "Content-Type: application/json", ("POST", "/model")
        for lines in (["Host : evil.example"], ["Host\t: evil.example"], [" Host: evil.example"], ["X Y: z"],
                      ["X\0: y"], ["X: y\0"], ["X: \0"], ["\0X: y"], ["X: y\0\r\nHost: evil.example"],
                      ["X: a\x01b"], ["X: a\rHost: evil.example"], ["X: a\x7f"], ["X: 1"] * 80, ["(X): y"]):
            self.assertIn(self.answers(("GET", "/info.json", *lines, b""), ("GET", "/info.json")),
                          ([400, None], [431, None], [403, None]), lines)
        for at in ("GET /info.json HTTP/1.1\0", "GET /info.json\0 HTTP/1.1", "GET\0 /info.json HTTP/1.1",
                   "GET /info.json HTTP/1.1\r\n" + host + "\0evil.example"):
            own = [] if "Host" in at else [host]
            self.assertEqual(self.raw_status(at, *own, self.bearer), 400, at)
        for length in ("+2", "+02", "2\0", "\t2", "\v2"):
            self.assertEqual(self.answers((*post, json_type, "Content-Length: " + length, b"{}"), ("GET", "/info.json")),
                             [400, None], length)
        self.assertEqual(self.answers(("GET", "/info.json", "Content-Length: 2", b"{}"), ("GET", "/info.json")),
                         [400, None])
        # A zero byte in a body is the body's own, and one between two requests belongs to the second.
        zero = (*post, json_type, "Content-Length: 3", b"{\0}")
        self.assertEqual(self.answers(zero, ("GET", "/info.json"), zero, zero, ("GET", "/info.json", "X: \0", b"")),
                         [422, 200, 422, 422, 400])
        self.assertEqual(self.status(host, self.bearer), 200)

    def test_limits_of_the_head(self):
        self.assertIn(self.status(self.host, self.bearer, "X: " + "y" * 9000), (400, 413, 431, None))
        self.assertIn(self.status(self.host, self.bearer, path="/info.json?" + "a" * 9000), (400, 413, 414, 431, None))
        self.assertEqual(self.status(self.host, self.bearer, *["X-%d: 1" % number for number in range(80)]), 431)
        self.assertEqual(self.status(self.host, self.bearer, path="/map.png?" + "&".join(["causal"] * 65)), 400)
        self.assertEqual(self.status(self.host, self.bearer, path="/map.png?" + "label=%41" * 500), 400)
        for query in ("%", "%4", "%zz", "base=%00", "a%0ab=1", "base=%7f", "%25"):
            self.assertEqual(self.status(self.host, self.bearer, path="/map.png?" + query), 400, query)
        self.assertEqual(self.status(self.host, self.bearer, path="/map.png?size=8&&base=5%65%35&"), 200)
        self.assertEqual(self.status(self.host, self.bearer, path="/value.json?" + "&".join(["causal"] * 64)), 400)
        for view in ("", "A", "a" * 33, "a_b", "%20"):
            self.assertEqual(self.status(self.host, self.bearer, path="/map.png?view=" + view), 400, view)

    def test_every_answer_has_the_headers_that_protect_it(self):
        for verb, path in (("GET", "/"), ("GET", "/style.css"), ("GET", "/map.png?size=4"), ("GET", "/nothing"),
                           ("GET", "/map.png?base=0"), ("HEAD", "/info.json"), ("PUT", "/info.json"), ("BREW", "/")):
            headers = self.ask(path, verb=verb).headers
            self.assertIn("default-src 'self'", headers["Content-Security-Policy"])
            self.assertIn("frame-ancestors 'none'", headers["Content-Security-Policy"])
            self.assertEqual(headers["X-Content-Type-Options"], "nosniff")
            self.assertEqual(headers["Referrer-Policy"], "no-referrer")
            self.assertEqual(headers["Cross-Origin-Resource-Policy"], "same-origin")
            self.assertIsNone(headers["Access-Control-Allow-Origin"])
        self.assertIn("sandbox", self.ask("/map.svg?size=4").headers["Content-Security-Policy"])

    def test_garbage(self):
        chance = random.Random(7)
        good = ("GET /map.png?size=8&base=5e5 HTTP/1.1\r\n%s\r\n%s\r\n\r\n" % (self.host, self.bearer)).encode()
        for number in range(60):
            data = bytearray(good)
            for _ in range(chance.randrange(1, 12)):
                at = chance.randrange(len(data))
                data[at:at + chance.randrange(3)] = bytes(chance.randrange(256) for _ in range(chance.randrange(3)))
            with socket.create_connection(("127.0.0.1", self.port), timeout=600) as stream:
                stream.sendall(bytes(data))
                if number % 2:
                    stream.shutdown(socket.SHUT_WR)
                    try:
                        stream.recv(1000)
                    except ConnectionResetError:
                        pass
        self.assertEqual(self.ask("/info.json").status, 200)

    def test_requests_one_after_another_on_one_connection(self):
        head = "GET /map.png?size=8&base=%d HTTP/1.1\r\n" + self.host + "\r\n" + self.bearer + "\r\n\r\n"
        with socket.create_connection(("127.0.0.1", self.port), timeout=600) as stream:
            stream.sendall("".join(head % (100 + number) for number in range(5)).encode())  # all at once
            got = b""
            while got.count(b"IEND") < 5:
                more = stream.recv(65536)
                self.assertTrue(more, got[:200])
                got += more
        self.assertEqual(got.count(b"HTTP/1.1 200 OK"), 5)


    def test_an_answer_does_not_wait_for_its_first_part_to_be_acknowledged(self):
        """The server's end of a connection, borrowed from the process: the last part of an answer is sent at once."""
        connection = self.connection()
        self.assertEqual(self.ask("/map.npy?size=128", connection=connection).status, 200)
        held = sockets_of(self.process.pid)
        ends = [stream for stream in held if peer(stream) == connection.sock.getsockname()]
        self.assertEqual([end.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0 for end in ends], [True])
        for stream in (*held, connection):
            stream.close()


class Crowds(ServeCase):
    """Hundreds of strangers do not keep out the owner: judged by which are still connected, not by a clock."""

    def setUp(self):
        super().setUp()
        self.start("--threads", "1")

    def strangers(self, count, begin=b""):
        streams = []
        for _ in range(count):
            stream = socket.create_connection(("127.0.0.1", self.port), timeout=600)
            self.addCleanup(stream.close)
            stream.sendall(begin)
            streams.append(stream)
        return streams

    @staticmethod
    def is_open(stream):
        stream.setblocking(False)
        try:
            return stream.recv(1) != b""
        except BlockingIOError:
            return True
        except ConnectionError:
            return False

    def test_idle_strangers_are_passed_by(self):
        for begin in (b"", b"G", b"GET / HTTP/1.1\r\nHost: "):
            streams = self.strangers(100, begin)
            self.assertEqual(self.ask("/info.json").status, 200)
            self.assertTrue(all(map(self.is_open, streams)), begin)
            for stream in streams:
                stream.close()

    def test_the_oldest_strangers_go_first(self):
        owner = self.connection()
        self.assertEqual(self.ask("/info.json", connection=owner).status, 200)
        kept = owner.sock
        streams = self.strangers(400, b"GET ")
        for _ in range(3):
            self.assertEqual(self.ask("/info.json").status, 200)
        there = list(map(self.is_open, streams))
        self.assertFalse(there[0])
        self.assertTrue(there[-1])
        self.assertEqual(there, sorted(there))
        self.assertEqual(self.ask("/style.css", connection=owner).status, 200)
        self.assertIs(owner.sock, kept)  # who has shown the token stays
        owner.close()

    def test_a_stranger_has_little_time_and_one_answer(self):
        owner, (idle,) = self.connection(), self.strangers(1)
        self.assertEqual(self.ask("/info.json", connection=owner).status, 200)
        self.assertEqual(idle.recv(1), b"")  # cut off, before the owner, who was there as long
        self.assertTrue(self.is_open(owner.sock))
        with socket.create_connection(("127.0.0.1", self.port), timeout=600) as stream:
            stream.sendall(("GET / HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n" % self.port).encode() * 2)
            got = b""
            while more := stream.recv(65536):
                got += more
        self.assertEqual(got.count(b"HTTP/1.1 403"), 1)
        owner.close()


class Work(ServeCase):
    """Requests that take long, clients that leave, and crowds."""

    # several seconds of work on any machine: every pair of 131,072 positions
    LONG = "/map.png?content=gauss&pool=max&positions=%s&size=64" % ("16k" if SMALL else "64k")

    def setUp(self):
        super().setUp()
        self.start("--threads", "1")

    def begin(self, path):
        connection = self.connection()
        connection.request("GET", path, headers={"Authorization": "Bearer " + self.token})
        self.addCleanup(connection.close)
        return connection

    def answered(self, connections):
        """Those whose answer has begun to come."""
        return select.select([connection.sock for connection in connections], [], [], 0)[0]

    def test_a_running_map_ends_for_a_newer_one(self):
        """By bytes alone: the older answers at once that it was replaced, though it would have taken long."""
        head = "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nAuthorization: Bearer %s\r\nConnection: close\r\n\r\n"
        long = "/map.png?content=gauss&pool=max&positions=1M&size=64&view=x"  # hours
        with socket.create_connection(("127.0.0.1", self.port), timeout=600) as older:
            older.sendall((head % (long, self.port, self.token)).encode())
            while self.got("/progress.json", view="x").json["share"] is None:
                time.sleep(0.01)
            newer = self.raw((head % ("/map.png?size=8&view=x", self.port, self.token)).encode())
            self.assertTrue(newer.startswith(b"HTTP/1.1 200 "), newer[:60])
            self.assertTrue(older.recv(65536).startswith(b"HTTP/1.1 409 "))

    def test_a_newer_request_of_a_view_replaces_the_older(self):
        old = [self.begin(self.LONG + "&view=a&base=%d" % (9 + number)) for number in range(5)]
        time.sleep(0.2)
        self.assertEqual(self.ask("/map.png?size=8&view=a").status, 200)
        for connection in old:
            answer = Answer(connection.getresponse())
            self.assertEqual((answer.status, answer.text), (409, "replaced by a newer request of the same view\n"))
        other = self.begin("/map.png?size=8&view=b")
        self.assertEqual(other.getresponse().status, 200)

    def test_progress_is_told_while_all_workers_are_busy(self):
        works = [self.begin(self.LONG + "&view=v%d&base=%d" % (number, 9 + number)) for number in range(4)]
        ask = lambda view: self.got("/progress.json", view=view).json["share"]
        end = time.monotonic() + 600
        while not ask("v0") and time.monotonic() < end:
            time.sleep(0.02)
        share = ask("v0")
        self.assertTrue(0 < share < 1, share)
        self.assertIsNone(ask("other"))
        self.assertEqual(self.ask("/progress.json", token=False).status, 403)
        for connection in works:
            connection.close()
        while ask("v0") is not None and time.monotonic() < end:
            time.sleep(0.02)
        self.assertIsNone(ask("v0"))  # whose client is gone

    def test_work_for_clients_that_left_is_dropped(self):
        """Else eight long maps would be made before a small one, and the long one that came first be ready by then."""
        first = self.begin(self.LONG + "&base=19")
        for number in range(8):
            self.begin(self.LONG + "&base=%d" % (20 + number)).close()
        self.assertEqual(self.ask("/map.png?size=16").status, 200)
        self.assertEqual(self.answered([first]), [])

    def test_searches_do_not_hold_up_pictures(self):
        searches = [self.begin("/bound.json?length=1M&scaling=yarn:factor=4,original=4096&base=%d" % (9 + number))
                    for number in range(3)]
        time.sleep(0.1)
        self.assertEqual(self.ask("/map.png?size=16").status, 200)
        self.assertEqual(self.answered(searches), [])

    def test_searches_that_wait_hold_up_nothing_else(self):
        waiting = [self.begin("/bound.json?length=1M&scaling=yarn:factor=4,original=4096&base=%d" % (9 + number))
                   for number in range(60)]
        time.sleep(0.3)
        self.assertEqual(self.ask("/info.json").status, 200)
        for connection in waiting:
            connection.close()
        self.assertEqual(self.ask("/info.json").status, 200)

    def test_slow_clients_are_cut_off(self):
        streams = [socket.create_connection(("127.0.0.1", self.port), timeout=600) for _ in range(2)]
        began, ended = time.monotonic(), [False, False]
        while not all(ended) and time.monotonic() - began < 600:
            for number, stream in enumerate(streams):
                try:
                    if number == 1:  # a byte now and then: never idle for as long as is allowed
                        stream.send(b"G" if time.monotonic() - began < 1 else b"x")
                    stream.settimeout(0.5)
                    if stream.recv(1) == b"":
                        raise ConnectionResetError
                except socket.timeout:
                    pass
                except (ConnectionResetError, BrokenPipeError):
                    ended[number] = True
        for stream in streams:
            stream.close()
        self.assertEqual(ended, [True, True])

    def slow_reader(self, path):
        """A client with a small window, which has asked and reads nothing yet."""
        stream = socket.socket()
        self.addCleanup(stream.close)
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        stream.settimeout(30)
        stream.connect(("127.0.0.1", self.port))
        stream.sendall(("GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nAuthorization: Bearer %s\r\n\r\n" %
                        (path, self.port, self.token)).encode())
        return stream

    @unittest.skipIf(SMALL, "the clock is the same under a sanitizer")
    def test_who_goes_on_is_not_cut_off(self):
        """Longer than a client may be idle or take for a request: one that asks again, and one that reads slowly."""
        again, reader = self.connection(), self.slow_reader("/map.npy?size=2048")  # 16 MB
        began, got = time.monotonic(), 0
        while time.monotonic() - began < 14:
            stream = again.sock
            self.assertEqual(self.ask("/style.css", connection=again).status, 200)
            self.assertIn(stream, (None, again.sock), "a new connection")
            got += len(reader.recv(4096))
            time.sleep(0.1)
        while got < 4 * 2048 * 2048:
            more = reader.recv(1 << 20)
            self.assertTrue(more, "cut off after %d bytes" % got)
            got += len(more)
        again.close()

    @unittest.skipIf(SMALL, "memory is not the program's own")
    def test_memory_for_slow_readers_is_bounded(self):
        reader = self.slow_reader("/map.npy?size=2048&base=9")
        reader.recv(1)
        reader.setblocking(False)
        before, began, junk = self.memory(), time.monotonic(), b"x" * (1 << 20)
        while time.monotonic() - began < 1:  # it sends and sends, while it takes its answer
            try:
                reader.send(junk)
            except BlockingIOError:
                time.sleep(0.01)
        self.assertLess(self.memory(), before + (8 << 20))
        readers = [self.slow_reader("/map.npy?size=2048&base=%d" % (100 + number)) for number in range(40)]
        statuses = [int(reader.recv(12).split()[1]) for reader in readers]
        self.assertEqual(set(statuses), {200, 503})
        self.assertLess(self.memory(), 512 << 20)
        for stream in readers:
            stream.close()
        time.sleep(0.2)
        self.got("/map.npy", size="2048", base="7")

    def test_a_crowd_loses_nothing_and_memory_stays(self):
        clients, requests = (20, 10) if SMALL else (100, 10)
        lost, lock = [], threading.Lock()

        def ask_many(number):
            chance = random.Random(number)
            connection = None
            for _ in range(requests):
                base = 100 + chance.randrange(2000)
                try:
                    connection = connection or self.connection()
                    connection.request("GET", "/map.png?bare=1&size=64&base=%d" % base,
                                       headers={"Authorization": "Bearer " + self.token})
                    response = connection.getresponse()
                    body = response.read()
                    if response.status != 200 or not body.endswith(b"IEND\xaeB`\x82"):
                        raise OSError(response.status)
                    if response.headers.get("Connection") == "close":
                        connection.close()
                        connection = None
                except Exception as error:  # counted, whatever it is
                    with lock:
                        lost.append(repr(error))
                    connection = None
            if connection:
                connection.close()

        def crowd():
            threads = [threading.Thread(target=ask_many, args=(number,)) for number in range(clients)]
            began = time.monotonic()
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            return time.monotonic() - began

        crowd()
        before = self.memory()
        seconds = crowd()
        after = self.memory()
        self.assertEqual(lost, [])
        print("crowd: %d clients x %d requests, %.0f requests/s, memory %.1f then %.1f MB" %
              (clients, requests, clients * requests / seconds, before / 1e6, after / 1e6))
        if not SMALL:
            self.assertLess(after, before + (16 << 20))
            self.assertLess(after, 256 << 20)

    def test_thousands_of_connections_at_once(self):
        count = 200 if SMALL else 10000
        import resource
        most = resource.getrlimit(resource.RLIMIT_NOFILE)[0] - 100
        before = self.memory()
        open_now, waiting = [], min(count, most)
        for _ in range(waiting):
            stream = socket.socket()
            stream.setblocking(False)
            stream.connect_ex(("127.0.0.1", self.port))
            open_now.append(stream)
        head = ("GET /info.json HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nAuthorization: Bearer %s\r\n\r\n" %
                (self.port, self.token)).encode()
        for stream in open_now:
            try:
                stream.send(head)
            except OSError:
                pass
        time.sleep(1)
        during = self.memory()
        for stream in open_now:
            stream.close()
        self.assertEqual(self.ask("/info.json").status, 200)
        if not SMALL:
            self.assertLess(during, before + (32 << 20))

    @unittest.skipIf(SMALL, "a sanitizer needs descriptors of its own")
    def test_too_few_descriptors(self):
        import resource
        self.start("--threads", "1", preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (24, 24)))
        waiting = [socket.create_connection(("127.0.0.1", self.port), timeout=600) for _ in range(40)]
        time.sleep(0.5)
        for stream in waiting:
            stream.close()
        self.assertEqual(self.ask("/info.json").status, 200)
        self.assertEqual(self.stop(self.process), (0, b""))

    def test_the_cache_is_bounded(self):
        if SMALL:
            return
        held = []
        for part in range(2):
            for number in range(40):  # 4 MB each
                self.got("/map.npy", base=1000 * (part + 1) + number, size="1024")
            held.append(self.memory())
        print("cache: %s MB" % ", ".join("%.0f" % (bytes / 1e6) for bytes in held))
        self.assertLess(max(held), 256 << 20)
        self.assertLess(held[-1], held[0] + (32 << 20))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
