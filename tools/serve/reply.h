/* reply.h - how an answer is sent: its headers, and its bytes without a copy */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_TOOLS_SERVE_REPLY_H
#define ROPEMAP_TOOLS_SERVE_REPLY_H

#include "tools/serve/answer.h"
#include "tools/serve/guard.h"
#include "tools/serve/routes.h"

#include <event2/http.h>

/* A header of the answer to come. */
void reply_header(struct evhttp_request *request, const char *name, const char *value);

/* Each sends an answer, and closes the connection after it where `closes`. */
void reply_text(struct evhttp_request *request, int status, const char *text, bool closes);
void reply_answer(struct evhttp_request *request, serve_answer *answer, bool cached, bool closes);

/* `guard` sets its cookie; NULL: no cookie. */
void reply_asset(struct evhttp_request *request, const serve_asset *asset, const serve_guard *guard,
                 bool closes);

#endif
