/* server.h - a server from its options to its end */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_TOOLS_SERVE_SERVER_H
#define ROPEMAP_TOOLS_SERVE_SERVER_H

#include "tools/serve/serve.h"

/* Serves until SIGINT or SIGTERM. Fails where it cannot start. */
ropemap_status server_run(serve_options *options, ropemap_error *error);

#endif
