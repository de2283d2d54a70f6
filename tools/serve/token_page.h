/* token_page.h - the page that a browser without the token gets: what is missing, and where to put it */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_TOOLS_SERVE_TOKEN_PAGE_H
#define ROPEMAP_TOOLS_SERVE_TOKEN_PAGE_H

#include "tools/serve/query.h"

struct evbuffer;

/* The page's Content-Security-Policy: no script, and a form that this server takes. */
extern const char token_page_policy[];

/* Adds the page, whose form keeps the query of the link that was opened. */
void token_page_add(struct evbuffer *to, const serve_query *query);

/* The token of a pasted address or of a token alone; NULL of NULL. */
const char *token_page_token(const char *text);

#endif
