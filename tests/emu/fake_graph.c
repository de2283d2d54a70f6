/* fake_graph.c - stand-in for the CUDA run time: a stream's work recorded as a graph, and launched at once */
/* SPDX-License-Identifier: MIT */
/*
 * What a thread gives to the stream that it captures is kept, and done at each launch of the graph. A call
 * that CUDA forbids meanwhile is refused and spoils the capture. So do events, which CUDA allows: no graph
 * here is of several streams. Work for another stream, which a graph would miss, is a complaint.
 */
#include "tests/emu/fake.h"
#include "tests/emu/fake_record.h"

#include <stdlib.h>
#include <string.h>

struct piece {
    struct piece *next;
    fake_work work;
    max_align_t arguments[FAKE_ARGUMENTS_MOST / sizeof(max_align_t)];
};

struct touched {
    struct touched *next;
    const char *call;
    struct fake_range range;
};

struct CUgraph_st {
    int holders; /* itself, and what was instantiated from it */
    struct piece *pieces, **last_piece;
    struct touched *touched, **last_touched;
};

struct CUgraphExec_st {
    cudaGraph_t graph;
};

static _Thread_local struct {
    cudaStream_t stream; /* NULL: none is captured */
    cudaGraph_t graph;
    bool spoilt;
} capture;

static cudaError_t enter(const char *call, cudaError_t usual) {
    return fake_error((cudaError_t)fake_enter(call, (int)usual));
}

static void *make(size_t bytes) {
    void *made = calloc(1, bytes);
    if (made == NULL) {
        abort();
    }
    return made;
}

static void let_go(cudaGraph_t graph) {
    if (--graph->holders > 0) {
        return;
    }
    for (struct piece *at = graph->pieces, *next = NULL; at != NULL; at = next) {
        next = at->next;
        free(at);
    }
    for (struct touched *at = graph->touched, *next = NULL; at != NULL; at = next) {
        next = at->next;
        free(at);
    }
    free(graph);
}

/* ---- while a stream is captured ---- */

bool fake_refuse(void) {
    capture.spoilt = true;
    return capture.stream != NULL;
}

bool fake_refuse_call(const char *call) {
    static const char *const calls[] = {
        "cudaMalloc",           "cudaFree",
        "cudaMallocHost",       "cudaFreeHost",
        "cudaEventRecord",      "cudaStreamWaitEvent",
        "cudaEventSynchronize", "cudaStreamSynchronize",
        "cudaStreamDestroy",    "cudaGraphLaunch",
        "cublasCreate",         "cublasDestroy",
    };
    for (size_t i = 0; capture.stream != NULL && i < sizeof calls / sizeof calls[0]; i++) {
        if (strcmp(calls[i], call) == 0) {
            return fake_refuse();
        }
    }
    return false;
}

bool fake_record_work(const char *call, cudaStream_t stream, fake_work work, const void *arguments,
                      size_t bytes, cudaError_t *error) {
    if (capture.stream == NULL) {
        return false;
    }
    if (stream != capture.stream) {
        fake_complain("%s: work for another stream than the one that is captured", call);
        capture.spoilt = true;
    }
    *error = capture.spoilt ? cudaErrorStreamCaptureInvalidated : cudaSuccess;
    if (!capture.spoilt) {
        struct piece *piece = make(sizeof *piece);
        if (bytes > sizeof piece->arguments) {
            abort();
        }
        piece->work = work;
        memcpy(piece->arguments, arguments, bytes);
        *capture.graph->last_piece = piece;
        capture.graph->last_piece = &piece->next;
    }
    return true;
}

bool fake_record_touch(const char *call, const struct fake_range *ranges, int count) {
    for (int i = 0; capture.stream != NULL && i < count; i++) {
        struct touched *touched = make(sizeof *touched);
        *touched = (struct touched){.call = call, .range = ranges[i]};
        *capture.graph->last_touched = touched;
        capture.graph->last_touched = &touched->next;
    }
    return capture.stream != NULL;
}

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, enum cudaStreamCaptureMode mode) {
    const cudaError_t error = enter("cudaStreamBeginCapture", cudaErrorMemoryAllocation);
    if (error != cudaSuccess) {
        return error;
    }
    if (stream == NULL || capture.stream != NULL || mode == cudaStreamCaptureModeRelaxed) {
        fake_complain("cudaStreamBeginCapture: %s", stream == NULL           ? "the default stream"
                                                    : capture.stream != NULL ? "within another capture"
                                                                             : "nothing would be refused");
        return fake_error(cudaErrorIllegalState);
    }
    capture.stream = stream;
    capture.spoilt = false;
    capture.graph = make(sizeof *capture.graph);
    capture.graph->holders = 1;
    capture.graph->last_piece = &capture.graph->pieces;
    capture.graph->last_touched = &capture.graph->touched;
    (void)atomic_fetch_add(&fake_gauges.graphs, 1);
    return cudaSuccess;
}

/* The stream is captured no more, also after a failure. */
cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t *graph) {
    const cudaError_t error = enter("cudaStreamEndCapture", cudaErrorMemoryAllocation);
    *graph = NULL;
    if (capture.stream == NULL || capture.stream != stream) {
        fake_complain("cudaStreamEndCapture: a stream that is not captured");
        return fake_error(cudaErrorIllegalState);
    }
    capture.stream = NULL;
    if (error != cudaSuccess || capture.spoilt) {
        (void)atomic_fetch_sub(&fake_gauges.graphs, 1);
        let_go(capture.graph);
        return fake_error(error != cudaSuccess ? error : cudaErrorStreamCaptureInvalidated);
    }
    *graph = capture.graph;
    return cudaSuccess;
}

/* ---- graphs ---- */

cudaError_t cudaGraphInstantiateWithFlags(cudaGraphExec_t *exec, cudaGraph_t graph,
                                          unsigned long long flags) {
    (void)flags;
    const cudaError_t error = enter("cudaGraphInstantiateWithFlags", cudaErrorMemoryAllocation);
    if (error != cudaSuccess) {
        return error;
    }
    *exec = make(sizeof **exec);
    (*exec)->graph = graph;
    graph->holders++;
    (void)atomic_fetch_add(&fake_gauges.graphs, 1);
    return cudaSuccess;
}

static cudaError_t run(const void *arguments) {
    const cudaGraphExec_t exec = *(const cudaGraphExec_t *)arguments;
    cudaError_t error = cudaSuccess;
    for (const struct piece *at = exec->graph->pieces; at != NULL && error == cudaSuccess; at = at->next) {
        error = at->work(at->arguments);
    }
    return error;
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t exec, cudaStream_t stream) {
    const cudaError_t error = enter("cudaGraphLaunch", cudaErrorLaunchFailure);
    if (error != cudaSuccess || exec == NULL) {
        return fake_error(error != cudaSuccess ? error : cudaErrorInvalidValue);
    }
    for (const struct touched *at = exec->graph->touched; at != NULL; at = at->next) {
        fake_touch(at->call, stream, &at->range, 1);
    }
    return fake_submit("cudaGraphLaunch", stream, run, &exec, sizeof exec);
}

cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
    const cudaError_t error = enter("cudaGraphDestroy", cudaErrorInvalidValue);
    (void)atomic_fetch_sub(&fake_gauges.graphs, 1);
    let_go(graph);
    return error;
}

/* Work that waits may still be a launch of it. */
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t exec) {
    const cudaError_t error = enter("cudaGraphExecDestroy", cudaErrorInvalidValue);
    fake_drain_all();
    (void)atomic_fetch_sub(&fake_gauges.graphs, 1);
    let_go(exec->graph);
    free(exec);
    return error;
}
