/* record.c - what a directory of shards is for: run.json */
/* SPDX-License-Identifier: MIT */
#include "tools/ropemap/documents.h"
#include "tools/ropemap/failure.h"
#include "tools/ropemap/run.h"
#include "tools/shards/shards.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <nettle/sha2.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- options ------------------------------------------------------------------------------------------- */

const cli_option work_rows[] = {
    {.group = GROUP_HOW,
     .name = "work",
     .argument = "DIR",
     .help =
         "share the work: keep finished shards in DIR, a directory that all workers see; the same command "
         "again, anywhere and any number of times, goes on",
     .type = OPTION_TEXT,
     .offset = offsetof(work_options, folder),
     .local = true},
    {.group = GROUP_HOW,
     .name = "shards",
     .argument = "N",
     .initial = "as suits the work",
     .help = "--work: how many shards it is cut into",
     .type = OPTION_INT,
     .offset = offsetof(work_options, shards),
     .least = 1,
     .most = 1000000,
     .local = true},
    {.group = GROUP_HOW,
     .name = "keep-work",
     .help = "--work: leave DIR as it is at the end",
     .type = OPTION_FLAG,
     .offset = offsetof(work_options, keep),
     .local = true},
    {.group = GROUP_HOW,
     .name = "steal",
     .help = "--work: an element of a job array takes the shards of others as well",
     .type = OPTION_FLAG,
     .offset = offsetof(work_options, steal),
     .local = true},
    {.name = NULL},
};

static ropemap_status set_folder(void *into, const cli_option *option, const char *text,
                                 ropemap_error *error) {
    const char **folder = into;
    if (*folder != NULL) {
        return fail(error, ROPEMAP_USAGE, "%s: '%.200s' after '%.200s'; give one directory", option->argument,
                    text, *folder);
    }
    *folder = text;
    return ROPEMAP_OK;
}

const cli_option work_operand = {
    .argument = "DIR", .help = "the directory of --work", .type = OPTION_CUSTOM, .set = set_folder};

/* Options that change no byte of what is written. `backend` does, through the kernel. */
static bool plays_no_part(const char *name) {
    static const char *const names[] = {"threads", "memory", "device", "backend", "quiet",     "verbose",
                                        "json",    "force",  "work",   "shards",  "keep-work", "steal"};
    bool found = false;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        found = found || strcmp(name, names[i]) == 0;
    }
    return found;
}

/* {"pool": ["max"], "output": ["a.png", "a.npy"], "causal": [null]} */
static json_t *options_object(const cli_run *run) {
    json_t *object = json_object();
    for (int i = 0; i < run->line.count; i++) {
        const char *name = run->line.all[i].option->name, *value = run->line.all[i].value;
        if (name == NULL || plays_no_part(name)) {
            continue;
        }
        json_t *values = json_object_get(object, name);
        if (values == NULL) {
            values = json_array();
            (void)json_object_set_new(object, name, values);
        }
        (void)json_array_append_new(values, value != NULL ? document_text(value) : json_null());
    }
    return object;
}

/* ---- inputs -------------------------------------------------------------------------------------------- */

enum { CHUNK = 1 << 20 };

static ropemap_status digest(const char *path, char text[2 * SHA256_DIGEST_SIZE + 1], ropemap_error *error) {
    const int file = open(path, O_RDONLY | O_CLOEXEC);
    uint8_t *chunk = malloc(CHUNK), bytes[SHA256_DIGEST_SIZE];
    ssize_t read_now = file >= 0 && chunk != NULL ? 1 : -1;
    struct sha256_ctx hash;
    sha256_init(&hash);
    while (read_now > 0 && !signals_came()) {
        read_now = read(file, chunk, CHUNK);
        sha256_update(&hash, read_now > 0 ? (size_t)read_now : 0, chunk);
    }
    const int reason = errno;
    sha256_digest(&hash, sizeof bytes, bytes);
    for (int i = 0; i < SHA256_DIGEST_SIZE; i++) {
        (void)snprintf(text + 2 * i, 3, "%02x", bytes[i]);
    }
    free(chunk);
    if (file >= 0) {
        (void)close(file);
    }
    if (read_now > 0) {
        return fail(error, ROPEMAP_STOPPED, "stopped while %.200s was read", path);
    }
    return read_now == 0 ? ROPEMAP_OK
                         : fail(error, ROPEMAP_IO, "%.300s: cannot be read (%s)", path, strerror(reason));
}

/* {"path", "bytes", "modified"} of a file as it is now; NULL: it cannot be looked up, or no memory. */
static json_t *file_object(const char *path) {
    struct stat status;
    char modified[48];
    if (stat(path, &status) != 0) {
        return NULL;
    }
    (void)snprintf(modified, sizeof modified, "%lld.%09ld", (long long)status.st_mtim.tv_sec,
                   status.st_mtim.tv_nsec);
    return json_pack("{s:o, s:I, s:s}", "path", document_text(path), "bytes", (json_int_t)status.st_size,
                     "modified", modified);
}

/* Whether both objects have the same value under a name. */
static bool agree(const json_t *one, const json_t *other, const char *name) {
    return json_equal(json_object_get(one, name), json_object_get(other, name)) == 1;
}

static const char *text_of(const json_t *object, const char *name) {
    const char *text = json_string_value(json_object_get(object, name));
    return text != NULL ? text : "";
}

/* The entry of a list of files that has the same path, size and time. */
static const json_t *same_file(const json_t *list, const json_t *file) {
    size_t index;
    json_t *entry;
    json_array_foreach(list, index, entry) {
        if (agree(entry, file, "path") && agree(entry, file, "bytes") && agree(entry, file, "modified")) {
            return entry;
        }
    }
    return NULL;
}

/* What is no file, such as the name of a model, is nothing to be read. */
static ropemap_status take_input(const char *path, const json_t *known, json_t *inputs,
                                 ropemap_error *error) {
    struct stat status;
    json_t *file = stat(path, &status) == 0 && S_ISREG(status.st_mode) ? file_object(path) : NULL;
    if (file == NULL) {
        return ROPEMAP_OK;
    }
    char text[2 * SHA256_DIGEST_SIZE + 1];
    const json_t *same = same_file(json_object_get(known, "inputs"), file);
    const ropemap_status read = same == NULL ? digest(path, text, error) : ROPEMAP_OK;
    (void)json_object_set_new(file, "sha256", json_string(same == NULL ? text : text_of(same, "sha256")));
    (void)json_array_append_new(inputs, file);
    return read;
}

ropemap_status record_make(const cli_run *run, const json_t *known, json_t **document, ropemap_error *error) {
    json_t *inputs = json_array();
    ropemap_status status = ROPEMAP_OK;
    for (int i = 0; i < run->outputs.input_count && status == ROPEMAP_OK; i++) {
        status = take_input(run->outputs.inputs[i], known, inputs, error);
    }
    char folder[PATH_MAX];
    *document = json_pack("{s:s, s:s, s:s, s:o, s:o, s:o}", "schema", "ropemap.run/1", "version",
                          ropemap_version(), "command", run->command->name, "folder",
                          document_text(getcwd(folder, sizeof folder) != NULL ? folder : "."), "options",
                          options_object(run), "inputs", inputs);
    return status == ROPEMAP_OK && *document == NULL
               ? fail(error, ROPEMAP_RESOURCES, "--work: no memory for the record of the run")
               : status;
}

/* ---- what differs -------------------------------------------------------------------------------------- */

/* "--pool max", "--causal", "no --pool" */
static void describe_option(const json_t *options, const char *name, char *text, size_t size) {
    const json_t *values = json_object_get(options, name);
    size_t used = (size_t)snprintf(text, size, "%s--%s", values == NULL ? "no " : "", name);
    size_t index;
    json_t *value;
    json_array_foreach(values, index, value) {
        if (json_is_string(value) && used < size) {
            used += (size_t)snprintf(text + used, size - used, " %.60s", json_string_value(value));
        }
    }
}

static ropemap_status refuse_option(const char *folder, const json_t *recorded, const json_t *wanted,
                                    const char *name, ropemap_error *error) {
    char before[160], now[160];
    describe_option(recorded, name, before, sizeof before);
    describe_option(wanted, name, now, sizeof now);
    return fail(error, ROPEMAP_USAGE,
                "--work %.100s: its run has %s, this command has %s; give the same options, or another "
                "directory",
                folder, before, now);
}

static ropemap_status compare_options(const char *folder, json_t *recorded, json_t *wanted,
                                      ropemap_error *error) {
    json_t *const both[] = {recorded, wanted};
    for (int i = 0; i < 2; i++) {
        const char *name;
        json_t *values;
        json_object_foreach(both[i], name, values) {
            if (!agree(recorded, wanted, name)) {
                return refuse_option(folder, recorded, wanted, name, error);
            }
        }
    }
    return ROPEMAP_OK;
}

/* The options are the same by now, and so are the paths, but for folders that have other files. */
static ropemap_status compare_inputs(const char *folder, const json_t *recorded, const json_t *wanted,
                                     ropemap_error *error) {
    const size_t count = json_array_size(wanted), before = json_array_size(recorded);
    for (size_t i = 0; i < count && i < before; i++) {
        const json_t *one = json_array_get(recorded, i), *other = json_array_get(wanted, i);
        if (!agree(one, other, "sha256")) {
            return fail(error, ROPEMAP_USAGE,
                        "--work %.100s: %.150s is not the input that its run reads (SHA-256 %.12s..., not "
                        "%.12s...); bring that back, or give another directory",
                        folder, text_of(other, "path"), text_of(other, "sha256"), text_of(one, "sha256"));
        }
    }
    return count == before ? ROPEMAP_OK
                           : fail(error, ROPEMAP_USAGE,
                                  "--work %.100s: its run reads %zu files, this command %zu; give another "
                                  "directory",
                                  folder, before, count);
}

static bool has_relative_path(const json_t *options) {
    static const char *const names[] = {"output", "frames"};
    bool relative = false;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        size_t index;
        json_t *path;
        json_array_foreach(json_object_get(options, names[i]), index, path) {
            relative = relative || (json_is_string(path) && json_string_value(path)[0] != '/');
        }
    }
    return relative;
}

/* Whoever puts the shards together writes the outputs: all workers must mean the same files. What is no
 * directory of this machine may be the same one under another name. */
static ropemap_status compare_folders(const char *folder, const json_t *recorded, const json_t *wanted,
                                      ropemap_error *error) {
    const char *before = text_of(recorded, "folder"), *now = text_of(wanted, "folder");
    struct stat theirs, own;
    const bool elsewhere = stat(before, &theirs) == 0 && stat(now, &own) == 0 &&
                           (theirs.st_dev != own.st_dev || theirs.st_ino != own.st_ino);
    return !elsewhere || !has_relative_path(json_object_get(wanted, "options"))
               ? ROPEMAP_OK
               : fail(error, ROPEMAP_USAGE,
                      "--work %.100s: its run writes its files to %.150s, this command to %.150s; start it "
                      "there, or give another directory",
                      folder, before, now);
}

ropemap_status record_compare(const char *folder, const json_t *recorded, const json_t *wanted, bool kernel,
                              ropemap_error *error) {
    static const struct {
        const char *name, *words;
    } texts[] = {{"version", "is of ropemap"}, {"command", "is of the command"}, {"kernel", "computes on"}};
    for (int i = 0; i < (kernel ? 3 : 2); i++) {
        if (!agree(recorded, wanted, texts[i].name)) {
            return fail(error, ROPEMAP_USAGE,
                        "--work %.100s: its run %s %.100s, this is %.100s; give another directory", folder,
                        texts[i].words, text_of(recorded, texts[i].name), text_of(wanted, texts[i].name));
        }
    }
    ropemap_status status = compare_options(folder, json_object_get(recorded, "options"),
                                            json_object_get(wanted, "options"), error);
    status = status == ROPEMAP_OK ? compare_folders(folder, recorded, wanted, error) : status;
    return status == ROPEMAP_OK ? compare_inputs(folder, json_object_get(recorded, "inputs"),
                                                 json_object_get(wanted, "inputs"), error)
                                : status;
}

int64_t record_integer(const json_t *document, const char *name) {
    return (int64_t)json_integer_value(json_object_get(document, name));
}

uint64_t record_number(const json_t *document) {
    static const char *const parts[] = {"version", "command", "options", "inputs", "kernel", "shards"};
    uint8_t bytes[SHA256_DIGEST_SIZE];
    uint64_t number = 0;
    struct sha256_ctx hash;
    sha256_init(&hash);
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        json_t *part = json_deep_copy(json_object_get(document, parts[i]));
        size_t index;
        json_t *file;
        json_array_foreach(i == 3 ? part : NULL, index, file) {
            (void)json_object_del(file, "modified");
        }
        char *text = json_dumps(part, JSON_ENCODE_ANY | JSON_SORT_KEYS | JSON_COMPACT);
        sha256_update(&hash, text != NULL ? strlen(text) + 1 : 0, (const uint8_t *)text);
        free(text);
        json_decref(part);
    }
    sha256_digest(&hash, sizeof bytes, bytes);
    memcpy(&number, bytes, sizeof number);
    return number;
}

/* ---- the file ------------------------------------------------------------------------------------------ */

void record_free(work_record *record) {
    json_decref(record->document);
    record->document = NULL;
}

static bool outputs_are_there(const json_t *document) {
    const json_t *outputs = json_object_get(document, "outputs");
    size_t index;
    json_t *entry;
    json_array_foreach(outputs, index, entry) {
        json_t *now = file_object(text_of(entry, "path"));
        const bool same = json_equal(now, entry) == 1;
        json_decref(now);
        if (!same) {
            return false;
        }
    }
    return json_is_array(outputs);
}

ropemap_status record_read(const char *folder, work_record *record, ropemap_error *error) {
    char path[PATH_MAX];
    json_error_t reason;
    (void)snprintf(path, sizeof path, "%s/run.json", folder);
    *record = (work_record){.document = NULL};
    const int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) {
        return errno == ENOENT
                   ? ROPEMAP_OK
                   : fail(error, ROPEMAP_IO, "%.300s: cannot be opened (%s)", path, strerror(errno));
    }
    record->document = json_loadfd(file, JSON_REJECT_DUPLICATES, &reason);
    (void)close(file);
    if (record->document == NULL || strcmp(text_of(record->document, "schema"), "ropemap.run/1") != 0) {
        record_free(record);
        return fail(error, ROPEMAP_DATA, "%.300s: not the record of a run; give another directory", path);
    }
    record->finished = outputs_are_there(record->document);
    record->stale = !record->finished && json_object_get(record->document, "outputs") != NULL;
    return ROPEMAP_OK;
}

static ropemap_status refuse(const char *folder, const char *what, ropemap_error *error) {
    return fail(error, ROPEMAP_IO, "--work %.200s: %s (%s)", folder, what, strerror(errno));
}

/* The whole document under a name of its own. */
static bool write_own(const char *own, const json_t *document) {
    (void)unlink(own);
    const int file = open(own, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    const bool whole = file >= 0 && json_dumpfd(document, file, JSON_INDENT(2)) == 0 && fsync(file) == 0;
    return file >= 0 && close(file) == 0 && whole;
}

/* A link fails where the name is taken; a rename is for replacing, and for file systems without links. */
ropemap_status record_write(const char *folder, const json_t *document, bool replace, bool *exists,
                            ropemap_error *error) {
    char path[PATH_MAX], own[PATH_MAX], host[64] = "";
    (void)gethostname(host, sizeof host - 1);
    (void)snprintf(path, sizeof path, "%s/run.json", folder);
    (void)snprintf(own, sizeof own, "%s/.run.%s.%ld.tmp", folder, host, (long)getpid());
    *exists = false;
    if (mkdir(folder, 0777) != 0 && errno != EEXIST) {
        return refuse(folder, "cannot be made", error);
    }
    bool done = write_own(own, document);
    if (done && !replace) {
        done = link(own, path) == 0;
        *exists = !done && errno == EEXIST;
        replace = !done && (errno == EPERM || errno == ENOTSUP || errno == ENOSYS);
        done = done || replace;
    }
    if (done && replace) {
        done = rename(own, path) == 0;
    }
    const int reason = errno;
    (void)unlink(own);
    errno = reason;
    return done || *exists ? ROPEMAP_OK : refuse(folder, "a file in it cannot be written", error);
}

ropemap_status record_finish(const char *folder, json_t *document, const cli_outputs *outputs,
                             ropemap_error *error) {
    json_t *list = json_array();
    bool exists = false;
    for (int32_t i = 0; i < ropemap_outputs_count(outputs->set); i++) {
        json_t *file = ropemap_outputs_in_place(outputs->set, i)
                           ? NULL
                           : file_object(ropemap_outputs_name(outputs->set, i));
        if (file != NULL) {
            (void)json_array_append_new(list, file);
        }
    }
    (void)json_object_set_new(document, "outputs", list);
    return record_write(folder, document, true, &exists, error);
}
