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

static int put_rx(char *out, size_t size, int at, const struct mc_leg *leg, const struct mc_leg_params *p,
                  uint32_t codec_rate) {
    const struct mc_sink *sink = mc_leg_sink(leg);
    if (!p->recv) {
        return put(out, size, at, "rx off");
    }
    at = put(out, size, at, "wire%s > parse > stats", p->secure ? " > srtp" : "");
    at = put_event_pt(out, size, at, p->event_rx_pt);
    at = put(out, size, at, " > ear > decode %s/%u(%u) > resample %u:%u%s > %s", p->codec, p->clock, p->rx_pt, codec_rate,
             leg->cfg.rate, leg->cfg.inband_dtmf ? " > dtmf in the sound?" : "", sink->name);
    if (leg->path != NULL && mc_leg_hears(leg)->rx.human.on) {
        struct mc_jb_stats js;
        mc_jb_stats(mc_leg_hears(leg)->rx.human.jb, &js);
        at = put(out, size, at, " + jitter(%u ms) > decode > resample > %s", js.target_ms,
                 leg->tap != NULL         ? "tap"
                 : leg->listeners != NULL ? "listener"
                                          : sink->name);
    }
    return at;
}

static int put_tx(char *out, size_t size, int at, const struct mc_leg *leg, const struct mc_leg_params *p,
                  uint32_t codec_rate) {
    if (!p->send) {
        return put(out, size, at, "tx held");
    }
    const struct mc_sink *sink = mc_leg_sink(leg);
    at = put(out, size, at, "%s > ring", sink == &mc_sink_echo ? "echo" : "engine");
    if (sink->pull != NULL) {
        at = put(out, size, at, " + %s", sink->name);
    }
    at = put_event_pt(out, size, at, p->event_tx_pt);
    return put(out, size, at, " > resample %u:%u > encode %s/%u(%u) %u ms > build%s > wire", leg->cfg.rate, codec_rate,
               p->codec, p->clock, p->tx_pt, p->ptime_ms, p->secure ? " > srtp" : "");
}

int mc_leg_describe(const struct mc_leg *leg, char *out, size_t size) {
    const struct mc_leg_params *p = mc_leg_last_params(leg);
    if (size == 0) {
        return 0;
    }
    out[0] = '\0';
    if (p == NULL) {
        return put(out, size, 0, "not started | engine(%u) > ring", leg->cfg.rate);
    }
    uint32_t codec_rate = mc_codec_find(p->codec, p->clock)->rate; /* it had one: mc_path_new saw to it */
    int at = put(out, size, 0, "%s", leg->path == NULL ? "stopped, was: " : "");
    at = put_rx(out, size, at, leg, p, codec_rate);
    at = put(out, size, at, " | ");
    at = put_tx(out, size, at, leg, p, codec_rate);
    return leg->wire.send_rtcp == NULL ? at : put(out, size, at, " | rtcp");
}
