/* SPDX-License-Identifier: GPL-3.0-or-later
 * Every stage names itself: the live path of a leg as one line, for logs and the API. */
#include <stdarg.h>
#include <stdio.h>

#include "leg_int.h"

__attribute__((format(printf, 4, 5))) static int put(char *out, size_t size, int at, const char *fmt, ...) {
    if ((size_t)at >= size) {
        return at;
    }
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(out + at, size - (size_t)at, fmt, ap);
    va_end(ap);
    return n < 0 ? at : (size_t)at + (size_t)n < size ? at + n : (int)size - 1;
}

static int put_event_pt(char *out, size_t size, int at, uint8_t pt) {
    return pt == MC_PT_NONE ? at : put(out, size, at, " > dtmf(%u)", pt);
}

int mc_leg_describe(const struct mc_leg *leg, char *out, size_t size) {
    if (size == 0) {
        return 0;
    }
    out[0] = '\0';
    const struct mc_sink *sink = mc_leg_sink(leg);
    const struct mc_path *path = leg->path;
    if (path == NULL) {
        return put(out, size, 0, "stopped | engine(%u) > ring", leg->cfg.rate);
    }
    const struct mc_leg_params *p = &path->params;
    const char *srtp = p->secure ? " > srtp" : "";
    int at = 0;
    if (p->recv) {
        at = put(out, size, at, "wire%s > parse > stats", srtp);
        at = put_event_pt(out, size, at, p->event_rx_pt);
        at = put(out, size, at, " > ear > decode %s/%u(%u) > resample %u:%u > %s", path->codec->name, p->clock, p->rx_pt,
                 path->codec->rate, path->rate, sink->name);
        if (path->rx.human.on) {
            struct mc_jb_stats js;
            mc_jb_stats(path->rx.human.jb, &js);
            at = put(out, size, at, " + jitter(%u ms) > decode > resample > %s", js.target_ms,
                     leg->tap != NULL ? "tap" : sink->name);
        }
    } else {
        at = put(out, size, at, "rx off");
    }
    if (!p->send) {
        return put(out, size, at, " | tx held");
    }
    at = put(out, size, at, " | %s > ring", sink == &mc_sink_echo ? "echo" : "engine");
    at = put_event_pt(out, size, at, p->event_tx_pt);
    return put(out, size, at, " > resample %u:%u > encode %s/%u(%u) %u ms > build%s > wire", path->rate, path->codec->rate,
               path->codec->name, p->clock, p->tx_pt, p->ptime_ms, srtp);
}
