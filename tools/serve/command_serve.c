/* command_serve.c - `ropemap serve`: the explorer, in a browser of this machine */
/* SPDX-License-Identifier: MIT */
#include "tools/ropemap/failure.h"
#include "tools/ropemap/help.h"
#include "tools/ropemap/number.h"
#include "tools/ropemap/options.h"
#include "tools/serve/server.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

static ropemap_status set_port(void *into, const cli_option *option, const char *text, ropemap_error *error) {
    serve_options *options = into;
    uint64_t port = 0;
    const ropemap_status status = number_integer(option_subject(option).text, text, 0, 65535, &port, error);
    options->port = (int32_t)port;
    return status;
}

static const cli_option options_table[] = {
    {.group = GROUP_HOW,
     .name = "port",
     .argument = "N",
     .initial = "any free one",
     .help = "port to listen at, of this machine alone",
     .set = set_port},
    {.group = GROUP_HOW,
     .name = "listen",
     .argument = "ADDRESS",
     .help = "listen at this address too, for other machines: 0.0.0.0, ::",
     .set = option_set_text,
     .offset = offsetof(serve_options, listen)},
    {.group = GROUP_HOW,
     .name = "socket",
     .argument = "FILE",
     .help = "listen at a socket file that you alone may open, and at no port; for ssh -L 8080:FILE",
     .set = option_set_text,
     .offset = offsetof(serve_options, socket)},
    {.group = GROUP_OUTPUT,
     .name = "open",
     .help = "open the page in a browser",
     .set = option_set_flag,
     .offset = offsetof(serve_options, open)},
    {.group = GROUP_OUTPUT,
     .name = "json",
     .help = "print one line of JSON of schema ropemap.serve/1: url, token, port",
     .set = option_set_flag,
     .offset = offsetof(serve_options, json)},
    {.group = GROUP_OUTPUT,
     .name = "quiet",
     .letter = 'q',
     .help = "print nothing but the URL and errors",
     .set = option_set_flag,
     .offset = offsetof(serve_options, quiet)},
    {.name = NULL},
};

/* Of a map's options: what only files have. */
static const char *const without[] = {
    "rows",  "cols",    "positions-from", "grid",  "sections", "diff",       "strict",  "size", "method",
    "dtype", "dry-run", "output",         "bare",  "width",    "percentile", "contour", "dark", "font-size",
    "dpi",   "json",    "force",          "quiet", "verbose",  "clim",       NULL};

/* The page starts with what was said of the picture; files and the machine's own are not the page's. */
static void note(void *user, const cli_option *option, const char *value) {
    serve_options *options = user;
    for (const cli_option *own = options_table; own->name != NULL; own++) {
        if (own == option) {
            return;
        }
    }
    static const char *const of_tensors[] = {"order", "batch", "head", "state", "first-position"};
    for (size_t i = 0; i < sizeof of_tensors / sizeof *of_tensors; i++) {
        if (strcmp(of_tensors[i], option->name) == 0) {
            return;
        }
    }
    if (!option->local && options->state_count < SERVE_STATE_MOST) {
        options->state[options->state_count++] = (serve_state){option->name, value != NULL ? value : "1"};
    }
}

static ropemap_status check(const serve_options *options, ropemap_error *error) {
    const map_options *map = &options->map;
    if (options->socket != NULL && (options->listen != NULL || options->port != 0)) {
        return fail(error, ROPEMAP_USAGE, "--socket: given with --%s, expected one of the two",
                    options->listen != NULL ? "listen" : "port");
    }
    if (map->rule.frequencies != NULL) {
        return fail(
            error, ROPEMAP_USAGE,
            "--frequencies: the page moves base and scaling, which a table does not have; use map or curve");
    }
    if ((map->queries == NULL) != (map->keys == NULL)) {
        return fail(error, ROPEMAP_USAGE, "--%s: missing, queries and keys come together",
                    map->queries == NULL ? "queries" : "keys");
    }
    return ROPEMAP_OK;
}

static int run(int argc, char **argv) {
    serve_options options = {.map = map_options_default()};
    ropemap_error error = {.status = ROPEMAP_OK};
    bool help = false;
    ropemap_status status =
        options_parse_noted(&command_serve, argc, argv, &options, &help, note, &options, &error);
    if (status == ROPEMAP_OK && help) {
        return help_command(&command_serve);
    }
    status = status == ROPEMAP_OK ? check(&options, &error) : status;
    status = status == ROPEMAP_OK ? server_run(&options, &error) : status;
    return status == ROPEMAP_OK ? ROPEMAP_OK : options_report(&command_serve, status, &error);
}

static void notes(void) {
    (void)printf(
        "\nThe page has sliders for all of these, so none is needed. It asks this process alone: nothing is\n"
        "loaded from elsewhere, and nothing leaves the machine. The URL holds a token; without it no "
        "request\n"
        "is answered. --threads, --memory, --backend and --device hold for every picture. Two pictures are "
        "made\n"
        "at a time, of 1 GiB each unless --memory says otherwise; 64 MiB of answers are kept, and 256 "
        "clients "
        "are\n"
        "served at once: one that has not shown the token makes way for a newer one.\n"
        "\nScripts may ask too: /map.png .svg .pdf .npy, /value.json?i=I&j=J, /curve.json .csv .npy .png "
        ".svg .pdf,\n"
        "/bound.json, /info.json, /explain.txt and /options.json take the options of the commands as a "
        "query,\n"
        "POST /model the text of a config.json; with the header Authorization: Bearer TOKEN.\n"
        "\nRULE is one of:\n");
    help_scaling_rules();
}

const cli_command command_serve = {
    .name = "serve",
    .summary = "open the explorer: the map and the curve under sliders, in a browser",
    .usage = "[--port N | --socket FILE] [--open] [what] [how]",
    .examples = "  ropemap serve --open\n"
                "  ropemap serve --preset llama3.1-8b -n 128k\n"
                "  ropemap serve --queries q.npy --keys k.npy --port 8080\n",
    .takes_rule = true,
    .options = map_option_table,
    .without = without,
    .more = options_table,
    .notes = notes,
    .run = run,
};
