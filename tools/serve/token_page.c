/* token_page.c - the page that a browser without the token gets: what is missing, and where to put it */
/* SPDX-License-Identifier: MIT */
#include "tools/serve/token_page.h"

#include <event2/buffer.h>
#include <string.h>

static const char head[] =
    "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>ropemap: token needed</title>"
    "<meta name=\"viewport\" content=\"width=device-width\"><meta name=\"color-scheme\" content=\"light "
    "dark\">"
    "<style>body{font:1.05rem/1.5 system-ui,sans-serif;max-width:34rem;margin:12vh auto;padding:0 1.2rem}"
    "input,button{font:inherit;padding:.4rem .6rem;min-height:2.4rem}input{width:100%;box-sizing:border-box;"
    "margin:.3rem 0 .8rem}</style></head><body><main><h1>This link needs the server's token</h1>"
    "<p><code>ropemap serve</code> prints an address that ends in <code>?token=</code> each time it starts. "
    "Open that address, or paste it here; the settings in this link are kept.</p>"
    "<form method=\"get\">";

static const char tail[] = "<label>Address or token<input name=\"token\" required autofocus "
                           "autocomplete=\"off\" spellcheck=\"false\">"
                           "</label><button>Open</button></form></main></body></html>\n";

const char token_page_policy[] = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; "
                                 "frame-ancestors 'none'; base-uri 'none'";

/* As text within an attribute. */
static void add_escaped(struct evbuffer *to, const char *text) {
    for (; *text != '\0'; text++) {
        const char *entity = *text == '&'    ? "&amp;"
                             : *text == '<'  ? "&lt;"
                             : *text == '>'  ? "&gt;"
                             : *text == '"'  ? "&quot;"
                             : *text == '\'' ? "&#39;"
                                             : NULL;
        (void)evbuffer_add(to, entity != NULL ? entity : text, entity != NULL ? strlen(entity) : 1);
    }
}

void token_page_add(struct evbuffer *to, const serve_query *query) {
    (void)evbuffer_add(to, head, sizeof head - 1);
    for (int i = 0; i < query->count; i++) {
        (void)evbuffer_add_printf(to, "<input type=\"hidden\" name=\"");
        add_escaped(to, query->pairs[i].name);
        (void)evbuffer_add_printf(to, "\" value=\"");
        add_escaped(to, query->pairs[i].value);
        (void)evbuffer_add_printf(to, "\">");
    }
    (void)evbuffer_add(to, tail, sizeof tail - 1);
}

const char *token_page_token(const char *text) {
    const char *name = text != NULL ? strstr(text, "token=") : NULL;
    return name != NULL ? name + strlen("token=") : text;
}
