# _explorer.py - the explorer in a notebook: `ropemap serve` as a child, and the frame that shows it
# SPDX-License-Identifier: MIT
import atexit
import json
import os
import shutil
import subprocess

from ._core import OPTIONS, Closing, texts
from ._errors import FileError, ResourceError, UsageError, in_python

__all__ = ["show", "Explorer"]

FRAME = """<iframe id="{name}" width="100%" height="{height}" style="border: 0" allow="clipboard-write"></iframe>
<script>document.getElementById("{name}").src = {source};</script>
<p><a href="{url}" target="_blank">Open the explorer in a tab</a></p>"""


class Explorer(Closing):
    """A running explorer. It shows itself in a notebook, and ends with close(), `with`, or Python."""

    url: "str"
    port: "int"
    token: "str"
    base_path: "str"

    def __init__(self, arguments, proxy, height):
        places = os.pathsep.join([os.path.dirname(__file__), os.environ.get("PATH", "")])
        program = os.environ.get("ROPEMAP") or shutil.which("ropemap", path=places)
        if program is None:
            raise FileError("ropemap: the program is not on PATH; install it, or let ROPEMAP name it")
        self.height, self.proxy = int(height), proxy
        # A notebook's interrupt goes to all processes of the kernel, and is for a cell.
        command = ["/bin/sh", "-c", "trap '' INT; exec \"$@\"", "sh", program, "serve", "--json", "-q", *arguments]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        text=True)
        atexit.register(self.close)
        line = self.process.stdout.readline()
        if not line:
            said = self.process.communicate()[1].strip()
            self.close()
            raise (UsageError if self.process.returncode == 2 else ResourceError)(in_python(said.removeprefix("ropemap: ")))
        about = json.loads(line)
        self.url, self.port, self.token, self.base_path = (about[key] for key in ("url", "port", "token", "base_path"))

    def close(self) -> "None":
        """Ends the server; closing twice is fine."""
        atexit.unregister(self.close)
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(10)
        for stream in (self.process.stdout, self.process.stderr):
            stream.close()

    def __repr__(self):
        return f"<ropemap.show {self.url}>"

    def _repr_html_(self):
        """Behind a proxy the notebook's own address, then the base path; else the port of the host it came from."""
        query = "/?token=" + self.token
        source = (json.dumps(self.base_path + query) if self.proxy else
                  f'"http://" + location.hostname + {json.dumps(f":{self.port}" + query)}')
        url = self.base_path + query if self.proxy else self.url
        return FRAME.format(name=f"ropemap-{self.port}", height=self.height, source=source, url=url)


def show(*, port: "int" = 0, proxy: "str | None" = None, proxy_host: "str | None" = None, height: "int" = 640,
         **options: "Any") -> "Explorer":
    """Opens the explorer; in a notebook, inline. Options are those of a map: preset="llama3.1-8b", positions="128k".

    port: of this machine; 0: any free one
    proxy: where the notebook's server is not this machine: the path that it serves ports under, such as
        "/user/me/proxy" of jupyter-server-proxy; needs `port`. Unless given, what JupyterHub says, if port is given
    proxy_host: the host of the notebook's address, "hub.example.org"; needed with proxy
    height: of the frame, in pixels
    """
    prefix = os.environ.get("JUPYTERHUB_SERVICE_PREFIX", "").rstrip("/")
    proxy = prefix + "/proxy" if proxy is None and prefix and port else proxy
    arguments = ["--port", str(port)] if port else []
    if proxy:
        if not port or not proxy_host:
            raise UsageError("proxy: needs port and proxy_host, the host of the notebook's address")
        arguments += ["--base-path", f"{proxy.rstrip('/')}/{port}", "--proxy-host", proxy_host, "--frame-ancestor", "self"]
    else:
        arguments += [word for host in ("localhost", "127.0.0.1") for word in ("--frame-ancestor", f"http://{host}:*")]
    for name, value in options.items():
        for text in texts(name, OPTIONS["map"].get(name), value):
            arguments += ["--" + name.replace("_", "-")] + ([] if text is None else [text])
    return Explorer(arguments, bool(proxy), height)
